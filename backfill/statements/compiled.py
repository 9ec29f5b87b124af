"""Compiled templates, kept beside the compiled modules: a season's statements take half a second to
compile.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from jinja2.bccache import Bucket, FileSystemBytecodeCache


class CompiledTemplates(FileSystemBytecodeCache):
    """Cache of compiled templates by name, path and source. A read-only installation has none, and
    compiles in every process.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), "%s.jinja.cache")

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write a compiled template, if the folder is writable."""
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
