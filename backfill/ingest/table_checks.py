"""Checks of one table: vocabularies, types and values of its columns, its keys."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

from backfill.ingest import schedule, vocabularies
from backfill.ingest.input_files import listed
from backfill.ingest.sources import Source
from backfill.season_calendar import season_name
from backfill.warehouse.schema import Column, Table
from backfill.warehouse.tables import SCHED
from validation.season import SEASON_TYPES

WRITTEN = "processed_at"

# Accepted types of a Parquet column. A number is text only in a vocabulary, which adds the leading
# zeros of a game_id.
NUMBER = r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*"
TIME = r"DATE|TIMESTAMP.*"
STORED_AS = {
    "STRING": r"VARCHAR|ENUM.*",
    "BOOL": "BOOLEAN",
    "INT64": NUMBER,
    "NUMERIC": NUMBER,
    "DATE": TIME,
    "TIMESTAMP": TIME,
}
SPELLED_AS = {"game_id": rf"{NUMBER}|VARCHAR|ENUM.*", "game_status": rf"{NUMBER}|VARCHAR|ENUM.*"}

# Casts that round or truncate change a value silently; detected by comparing both in a type that
# can represent either.
SAME_NUMBER = "TRY_CAST({name} AS DOUBLE) IS NOT DISTINCT FROM {cast}::DOUBLE"
SAME_DATE = (
    "TRY_CAST({name} AS TIMESTAMP) IS NOT DISTINCT FROM {cast}::TIMESTAMP AND isfinite({cast})"
)
SAME = {
    "INT64": SAME_NUMBER,
    "NUMERIC": SAME_NUMBER,
    "DATE": SAME_DATE,
    "TIMESTAMP": "isfinite({cast})",
}
MOST_VALUES = 5
# Problems that one cause gives to many columns, by their words, and the sentences for each kind.
KINDS, MOST_SENTENCES = (" is NULL in ", "; expected "), 3


@dataclass(kw_only=True)
class Checked:
    """Result of a table's checks. `usable` are the columns whose type further checks can rely on."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    usable: frozenset[str] = frozenset()


@dataclass(kw_only=True)
class _Table:
    """Table under check: `raw` and its types, and the columns that are text in their file."""

    db: duckdb.DuckDBPyConnection
    table: Table
    types: dict[str, str]
    text: set[str]
    # Rows that have a value, by column; of `*` all rows.
    filled: dict[str, int] = field(default_factory=dict)
    # Columns by problem, so that one cause is one sentence.
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def one(self, sql: str) -> tuple[Any, ...]:
        return self.db.execute(sql).fetchone() or ()

    def count(self) -> None:
        names = ["*", *self.types]
        counts = self.one(f"SELECT {', '.join(f'count({name})' for name in names)} FROM raw")
        self.filled = dict(zip(names, counts, strict=True))


def check_table(
    db: duckdb.DuckDBPyConnection,
    table: Table,
    source: Source,
    teams: Collection[str],
    result: Checked,
) -> None:
    """Check `raw` column by column, store it with the schema's types, then check its rows."""
    types = {name: kind for name, kind, *_ in db.execute("DESCRIBE raw").fetchall()}
    of = _Table(db=db, table=table, types=types, text=set(source.text))
    unknown = _translate(of, teams, result)
    of.count()
    usable = {c.name for c in table.columns if c.name in types and _fits(of, c, c.name in unknown)}
    result.problems += _grouped(of.wrong)
    result.problems += _path_differences(of, source)
    casts = {
        c.name: _cast(c, c.name in of.text)
        if c.name in usable - unknown
        else f"NULL::{c.duckdb_type}"
        for c in table.columns
    }
    columns = ", ".join(f"{cast} AS {name}" for name, cast in casts.items())
    db.execute(f"CREATE TEMP TABLE {table.short} AS SELECT {columns} FROM raw")
    if table is SCHED:
        result.notes += schedule.resolve_postponed(db)
    result.usable = frozenset(usable - unknown)
    if result.usable.issuperset(version_columns(table)):
        check_duplicates(db, table, result)


def _grouped(wrong: dict[str, list[str]]) -> Iterator[str]:
    """Yield one sentence per problem, and a single one for many problems of one kind; `{}` in the
    text of a problem stands for its columns.
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for text, names in wrong.items():
        kind = next((kind for kind in KINDS if kind in text), text)
        kinds[kind].append(_with_columns(text, names))
    for sentences in kinds.values():
        if len(sentences) <= MOST_SENTENCES:
            yield from sentences
        else:
            more = len(sentences) - MOST_SENTENCES
            yield f"{'; '.join(sentences[:MOST_SENTENCES])}; and {more:,} more like these"


def _with_columns(text: str, names: list[str]) -> str:
    if len(names) == 1:
        return text.replace("{}", f"column {names[0]}", 1)
    plural = text.replace("{} is ", "{} are ", 1).replace("{} has ", "{} have ", 1)
    return plural.replace("{}", f"columns {listed(names, most=8)}", 1)


# Vocabularies


def _translate(of: _Table, teams: Collection[str], result: Checked) -> set[str]:
    """Translate the vocabulary columns of `raw`; return those with unknown values."""
    unknown: set[str] = set()
    is_schedule = of.table is SCHED
    for name in vocabularies.COLUMNS:
        if name in of.types and re.fullmatch(
            SPELLED_AS.get(name, "VARCHAR|ENUM.*"), of.types[name]
        ):
            vocabulary = vocabularies.vocabulary_of(name, teams, is_schedule=is_schedule)
            if not _translate_column(of, name, vocabulary, result):
                unknown.add(name)
    return unknown


def _translate_column(
    of: _Table, name: str, vocabulary: vocabularies.Vocabulary, result: Checked
) -> bool:
    """Translate one column; return False if it has unknown values."""
    found = of.db.execute(
        f"SELECT {name}::VARCHAR AS value, count(*) AS n FROM raw WHERE {name} IS NOT NULL"
        " GROUP BY ALL ORDER BY n DESC, value"
    ).fetchall()
    spelled = [(value, vocabulary.spell(value), n) for value, n in found]
    if wrong := [(value, n) for value, own, n in spelled if own is None]:
        values = listed([repr(value[:40]) for value, _ in wrong], most=MOST_VALUES)
        count = sum(n for _, n in wrong)
        of.wrong[f"{{}} has {values} in {rows(count)}; known: {vocabulary.known}"].append(name)
        return False
    changed = [(value, own, n) for value, own, n in spelled if value != own]
    if changed:
        _respell(of, name, [(value, own) for value, own, _ in changed])
        first, own, _ = changed[0]
        count = sum(n for *_, n in changed)
        result.notes.append(
            f"{rows(count)} of {name} translated to the known spelling, such as {first!r} to {own!r}"
        )
    if changed or of.types[name] not in ("BIGINT", "VARCHAR"):
        of.text.add(name)
    return True


def _respell(of: _Table, name: str, pairs: Collection[tuple[str, str | None]]) -> None:
    of.db.execute("CREATE OR REPLACE TEMP TABLE spelling (old VARCHAR, own VARCHAR)")
    of.db.executemany("INSERT INTO spelling VALUES (?, ?)", list(pairs))
    of.db.execute(
        f"CREATE OR REPLACE TEMP TABLE raw AS SELECT raw.* REPLACE"
        f" (coalesce(own, {name}::VARCHAR) AS {name})"
        f" FROM raw LEFT JOIN spelling ON raw.{name}::VARCHAR = spelling.old"
    )
    of.types[name] = "VARCHAR"


# Columns


def _cast(column: Column, is_text: bool) -> str:
    """Return the cast to the schema's type, NULL for an invalid value; a time without a zone is
    UTC.
    """
    via = "TIMESTAMPTZ" if is_text and column.type == "TIMESTAMP" else column.duckdb_type
    return f"CAST(TRY_CAST({column.name} AS {via}) AS {column.duckdb_type})"


def _fits(of: _Table, column: Column, is_unknown: bool) -> bool:
    """Report invalid values of one column; return True if further checks can use it."""
    name, kind, is_text = column.name, column.type.split("(")[0], column.name in of.text
    cast, stored = _cast(column, is_text), of.types[name]
    filled = of.filled[name]
    nulls = of.filled["*"] - filled
    if nulls and not column.nullable:
        of.wrong[f"{{}} is NULL in {rows(nulls)}"].append(name)
    if is_unknown or not filled:
        return True
    if not is_text and not re.fullmatch(STORED_AS[kind], stored):
        of.wrong[f"{{}} is {stored}; expected {column.type}"].append(name)
        return False
    same = SAME.get(kind, "TRUE").format(name=name, cast=cast)
    wrong = f"{name} IS NOT NULL AND ({cast} IS NULL OR NOT ({same}))"
    count, value = of.one(
        f"SELECT count(*), arg_min({name}::VARCHAR, rowid) FROM raw WHERE {wrong}"
    )
    if count:
        text = f"{{}} has {value!r}; expected {column.type} ({rows(count)} like it)"
        of.wrong[text].append(name)
    return True


def _path_differences(of: _Table, source: Source) -> Iterator[str]:
    """Report rows whose column differs from the value in the path of their file."""
    for path in source.in_path:
        name = path.removeprefix("path_")
        if path != name and name in of.types:
            kind = of.table.by_name[name].duckdb_type
            (count,) = of.one(
                f"SELECT count(*) FROM raw WHERE TRY_CAST({name} AS {kind})"
                f" IS DISTINCT FROM TRY_CAST({path} AS {kind})"
            )
            if count:
                yield f"column {name} differs from the name of its folder in {rows(count)}"


# Rows


def version_columns(table: Table) -> tuple[str, ...]:
    """Return the columns that identify a row version; Phase 3 can write a key again later."""
    return (*table.key, WRITTEN) if WRITTEN in table.by_name else table.key


def check_duplicates(db: duckdb.DuckDBPyConnection, table: Table, result: Checked) -> None:
    """Report rows with equal key and time, which are ambiguous; another time is a correction by
    Phase 3.
    """
    key, version = ", ".join(table.key), ", ".join(version_columns(table))
    whole = " AND ".join(f"{c} IS NOT NULL" for c in version_columns(table))
    groups = f"SELECT {version}, count(*) - 1 AS copies FROM {table.short} WHERE {whole} GROUP BY ALL HAVING copies > 0"
    copies, *first = db.execute(
        f"SELECT sum(copies) OVER (), {key} FROM ({groups}) ORDER BY {version} LIMIT 1"
    ).fetchone() or (0,)
    if copies:
        named = ", ".join(f"{c} {v}" for c, v in zip(table.key, first, strict=True))
        result.problems.append(
            f"{rows(int(copies))} duplicated in the key ({version}), first {named}"
        )
    (all_copies,) = db.execute(
        f"SELECT count(*) - count(DISTINCT ({key})) FROM {table.short} WHERE {whole}"
    ).fetchone() or (0,)
    if again := int(all_copies - copies):
        result.notes.append(
            f"{rows(again)} corrected by Phase 3; the latest {WRITTEN} of each key is used"
        )


def notes_on_types(db: duckdb.DuckDBPyConnection, years: Iterable[int]) -> Iterator[str]:
    """Yield a note for each season on its games that open no date."""
    own = ", ".join(f"'{kind}'" for kind in SEASON_TYPES)
    for year in years:
        found = db.execute(
            f"SELECT season_type, count(*) FROM SCHED WHERE season_year = {year}"
            f" AND season_type NOT IN ({own}) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        if found:
            games = listed([f"{n:,} {kind}" for kind, n in found], most=6)
            yield (
                f"{SCHED}: season {season_name(year)} has {games} games, which open no processing"
                " date; their rows count in the windows of later dates"
            )


def rows(count: int) -> str:
    """Return a number of rows as text."""
    return f"{count:,} row" + "s" * (count != 1)
