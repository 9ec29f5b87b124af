"""Commands of manage.py with their options, read from their parsers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.core.management import BaseCommand, get_commands, load_command_class

APPS = ("backfill", "webapp")
DEPRECATED = "Deprecated"
JSON = "--json"  # of every command; the page states it once


@dataclass(frozen=True)
class CommandOption:
    """One argument or option as `--help` prints it."""

    syntax: str
    help: str


@dataclass(frozen=True)
class CommandHelp:
    """One command with its purpose and its own options."""

    name: str
    purpose: str
    options: tuple[CommandOption, ...]


@cache
def all_commands() -> tuple[CommandHelp, ...]:
    """Return the commands of the product in alphabetical order, deprecated names excluded."""
    return tuple(
        CommandHelp(name, command.help, tuple(_options(command, name)))
        for name, app in sorted(get_commands().items())
        if app in APPS
        for command in [load_command_class(app, name)]
        if not command.help.startswith(DEPRECATED)
    )


def _options(command: BaseCommand, name: str) -> Iterator[CommandOption]:
    base = BaseCommand().create_parser("manage.py", name)
    common = {JSON, *(flag for action in base._actions for flag in action.option_strings)}
    for action in command.create_parser("manage.py", name)._actions:
        if common.isdisjoint(action.option_strings):
            value = action.metavar or "|".join(map(str, action.choices or ()))
            shown = value if action.nargs != 0 or not action.option_strings else ""
            flags = ", ".join(action.option_strings)
            yield CommandOption(
                " ".join(filter(None, (flags, str(shown or "")))), action.help or ""
            )
