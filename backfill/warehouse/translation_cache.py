"""Translations of GoogleSQL, kept on disk beside the compiled modules.

The import of the translator and a season's statements take a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import cache, lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

from backfill.warehouse.dialect import Translated

HERE = Path(__file__).parent
FOLDER = HERE / "__pycache__" / "duckdb"
MOST_FILES = 2000


@lru_cache(maxsize=512)
def to_duckdb(sql: str, *, for_backfill: bool = False) -> Translated:
    """Translate one GoogleSQL query; `for_backfill` leaves out what only normal mode reads.

    Raises Refused unless it is a single SELECT.
    """
    key = f"{_translator()}{for_backfill}{sql}"
    file = FOLDER / f"{sha256(key.encode()).hexdigest()}.json"
    with suppress(OSError, KeyError, TypeError, ValueError):
        return Translated.of(json.loads(file.read_bytes()))
    from backfill.warehouse.translation import translate

    translated = translate(sql, for_backfill=for_backfill)
    with suppress(OSError):  # a read-only installation translates in every process
        _keep(file, translated)
    return translated


@cache
def _translator() -> str:
    """Return text that changes with the code of the translation."""
    library = find_spec("sqlglot")
    files = [HERE / f"{name}.py" for name in ("translation", "season_ctes", "live_ctes")]
    if library and library.origin:
        files.append(Path(library.origin).with_name("_version.py"))
    return str([(str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files])


def _keep(file: Path, translated: Translated) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = sorted(_files(), key=lambda found: found.stat().st_mtime)
    for old in kept[: len(kept) // 2] if len(kept) >= MOST_FILES else ():
        Path(old).unlink(missing_ok=True)
    with NamedTemporaryFile("w", dir=FOLDER, suffix=".new", delete=False) as new:
        json.dump(asdict(translated), new, default=sorted)
    os.replace(new.name, file)


def _files() -> Iterator[os.DirEntry[str]]:
    with os.scandir(FOLDER) as found:
        yield from found
