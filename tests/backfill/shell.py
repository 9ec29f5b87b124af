"""`manage.py` command lines, run in the test process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import execute_from_command_line


@dataclass(frozen=True)
class Answer:
    """Exit code and output of a command line."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Return the JSON document on stdout."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


class Shell:
    """`manage.py` in this process: the same parsing, the same exit codes."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *words: object) -> Answer:
        self.capsys.readouterr()  # drop output from before the command
        try:
            execute_from_command_line(["manage.py", *map(str, words)])
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = self.capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    def backfill(self, *words: object) -> Answer:
        return self("backfill", *words, "--inline")
