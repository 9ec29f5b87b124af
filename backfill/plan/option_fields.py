"""Metadata of the backfill options: declared with each field of `options.py`, read by the
shell, the form of New backfill and the API's schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass
from types import MappingProxyType
from typing import Any

KEY = "option"


@dataclass(frozen=True, kw_only=True)
class OptionSpec:
    """Label, help texts and limits of one option.

    An option that is true by default has a flag that turns it off: `help` describes that flag,
    `hint` the option itself.
    """

    help: str
    label: str  # in the form
    hint: str = ""  # in the form and the API, where it differs from `help`
    flag: str = ""  # in the shell, where it differs from the name; the name still works
    choices: tuple[str, ...] = ()
    most: int | None = None  # for numbers
    limits: str = ""  # the refusal for a number outside the limits

    @property
    def description(self) -> str:
        """Help text of the option itself, for the form and the API."""
        return self.hint or self.help


def described(help: str, label: str, **more: Any) -> Mapping[str, OptionSpec]:
    """Metadata for a field of Options."""
    return MappingProxyType({KEY: OptionSpec(help=help, label=label, **more)})


def spec_of(field: Field[Any]) -> OptionSpec:
    """Return the declared metadata of a field of Options."""
    spec: OptionSpec = field.metadata[KEY]
    return spec


def default_of(field: Field[Any]) -> Any:
    """Return the default of a field, from its factory if it has one; MISSING for a required one."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def flag_of(field: Field[Any]) -> str:
    """Return the shell flag of an option; `--no-…` for one that is true by default."""
    return _flag(field, spec_of(field).flag or field.name)


def old_flag_of(field: Field[Any]) -> str:
    """Return the flag made of the name, which differs from `flag_of` for a renamed option."""
    return _flag(field, field.name)


def _flag(field: Field[Any], name: str) -> str:
    return f"--{'no-' if field.default is True else ''}{name.replace('_', '-')}"
