"""Columns that are suddenly NULL, zero or constant, detected by their shares of a date's rows.

The test compares a date with the dates before it. Small slates do not exceed its limits by chance.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain
from math import sqrt
from typing import NamedTuple

from validation.columns import Critical, critical, is_about_teams, origins
from validation.known_constants import ConstantKind, may_be

MIN_ROWS = 20
# A team table has two rows per game. The test has no power below four games.
MIN_TEAM_ROWS = 8
REFERENCE_DATES, MIN_REFERENCE_DATES = 7, 3
MIN_EFFECT, MIN_Z = 0.25, 6.0
# For a value that all players of a team share: a third of the teams can have the same by chance.
MIN_TEAM_EFFECT = 0.5
# Typical rows per team. Two teams can agree by chance, four do not.
TEAM_PLAYERS, CONSTANT_TEAMS = 10, 4
# Lower limit of the reference share (upper limit: 1 minus it), so that one missing game is no jump;
# of values that a team or a date shares, there are few to learn the share from.
SHARE_FLOOR, SHARED_VALUE_FLOOR = 0.02, 0.05
# Longest time that a game stays in a window of twenty games, including an injury.
FOLLOWS_WITHIN = timedelta(days=60)


class Share(NamedTuple):
    """Column on one date. `distinct` counts its non-NULL values: 0, 1, or 2 for more; `value` is the
    only one. `teams` counts the teams of the rows, 0 if unknown.
    """

    table: str
    column: str
    date: date
    rows: int
    nulls: int = 0
    zeros: int = 0
    distinct: int = 2
    teams: int = 0
    value: str | None = None

    @property
    def is_equal(self) -> bool:
        """Return whether all rows of the date have the same value."""
        return self.distinct <= 1

    def number(self, what: ConstantKind) -> int:
        """Return the number of rows of this kind; for a constant, all or none."""
        if what is ConstantKind.CONSTANT:
            return self.rows if self.distinct == 1 else 0
        return self.nulls if what is ConstantKind.NULL else self.zeros


@dataclass(frozen=True, kw_only=True)
class Jump:
    """Columns of one table that are suddenly NULL, zero or constant on consecutive dates.

    `share` is the share of such rows on these dates, `reference` that of the dates before.
    `followers` are the jumps of columns computed from them.
    """

    table: str
    columns: tuple[str, ...]
    what: ConstantKind
    dates: tuple[date, ...]
    share: float
    reference: float
    sources: tuple[str, ...] = ()
    followers: tuple[Jump, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Columns as table.column."""
        return tuple(f"{self.table}.{column}" for column in self.columns)

    @property
    def cause(self) -> str:
        """Likely source of the jump, as text."""
        then = (
            f"; affected columns: {', '.join(n for f in self.followers for n in f.names)}"
            if self.followers
            else ""
        )
        if not self.sources:
            return f"Phase 3 lost the values of {', '.join(self.names)}{then}"
        sources = ", ".join(self.sources)
        return f"the processor's formula; its source columns did not change: {sources}{then}"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """Rows of a processor and date that break a rule: their number and a sample entity."""

    check: str
    processor: str
    date: date
    count: int
    sample: str
    sentence: str


def jumps(shares: Iterable[Share], others: Iterable[Share] = ()) -> list[Jump]:
    """Return every jump of every critical column, one per column. `others` are the shares of columns
    that these are computed from.
    """
    by_column: dict[tuple[str, str], list[Share]] = defaultdict(list)
    for share in shares:
        by_column[share.table, share.column].append(share)
    at = {
        (s.table, s.column, s.date): s for s in (*chain.from_iterable(by_column.values()), *others)
    }
    return [
        jump
        for found in by_column.values()
        for jump in _of_column(sorted(found, key=lambda s: s.date), at)
    ]


SharesAt = Mapping[tuple[str, str, date], Share]


class _Flagged(NamedTuple):
    what: ConstantKind
    share: Share
    reference: float
    continues: bool  # from the date before


def _of_column(shares: Sequence[Share], at: SharesAt) -> Iterator[Jump]:
    column = critical(*shares[0][:2])
    if not any(map(_may_be_candidate, shares)) or not any(
        _is_candidate(share, what) for share in shares for what in column.watched
    ):
        return
    found: list[_Flagged] = []
    for flag in _flagged(shares, column, at):
        if found and not flag.continues:
            yield _jump(found, column.sources)
            found = []
        found.append(flag)
    if found:
        yield _jump(found, column.sources)


def _flagged(shares: Sequence[Share], column: Critical, at: SharesAt) -> Iterator[_Flagged]:
    """Yield the dates that differ from the dates before them.

    Such a date never becomes a reference, so that a jump can last for weeks.
    """
    reference: deque[Share] = deque(maxlen=REFERENCE_DATES)
    before: ConstantKind | None = None
    for share in shares:
        what = next(
            (
                w
                for w in (column.watched if _may_be_candidate(share) else ())
                if _is_jump(share, w, column, reference, continues=w is before)
                and not _is_excused(share, w, column, reference, at)
            ),
            None,
        )
        if what:
            yield _Flagged(what, share, _pooled(reference, what), what is before)
        else:
            reference.append(share)
        before = what


def _is_candidate(share: Share, what: ConstantKind) -> bool:
    return share.number(what) >= MIN_EFFECT * share.rows


def _may_be_candidate(share: Share) -> bool:
    """Return False for most shares, at a tenth of the cost of all kinds."""
    return share.distinct == 1 or max(share.nulls, share.zeros) >= MIN_EFFECT * share.rows


def _is_jump(
    share: Share,
    what: ConstantKind,
    column: Critical,
    reference: Sequence[Share],
    *,
    continues: bool,
) -> bool:
    """Return if a date is a jump; a date too small for the test continues the jump before it."""
    if not _is_candidate(share, what) or len(reference) < MIN_REFERENCE_DATES:
        return False
    if not continues and share.rows < _fewest(share.table):
        return False
    if what is ConstantKind.CONSTANT:
        fewest = CONSTANT_TEAMS * TEAM_PLAYERS if column.is_of_team else MIN_ROWS
        return (continues or share.rows - share.nulls >= fewest) and all(
            s.distinct > 1 for s in reference
        )
    before = _pooled(reference, what)
    effect = share.number(what) / share.rows - before
    values, enough, floor = _independent(share, column, reference)
    return effect >= enough and (continues or effect >= MIN_Z * _error(before, values, floor))


def _independent(
    share: Share, column: Critical, reference: Sequence[Share]
) -> tuple[float, float, float]:
    """Return how many independent values the rows of a date have, and the effect and the share that
    they can prove: one value if all rows of each date are equal, one per team, or one per row.
    """
    if (
        share.is_equal
        and share.number(ConstantKind.NULL) < share.rows
        and all(before.is_equal for before in reference)
    ):
        return 1, MIN_EFFECT, SHARED_VALUE_FLOOR
    if column.is_of_team:
        return share.teams or share.rows / TEAM_PLAYERS, MIN_TEAM_EFFECT, SHARED_VALUE_FLOOR
    return share.rows, MIN_EFFECT, SHARE_FLOOR


def _is_excused(
    share: Share,
    what: ConstantKind,
    column: Critical,
    reference: Iterable[Share],
    at: SharesAt,
) -> bool:
    """Return whether a value follows from columns that can be constant: on this date and on those
    before it, the other sources held no information.
    """
    if what is ConstantKind.NULL:
        return False
    dates = [share.date, *(before.date for before in reference)]
    kinds = {what, ConstantKind.CONSTANT}
    excused = {name for name in column.sources if kinds <= may_be(*_parts(name))}
    others = [name for name in column.sources if name not in excused]
    return bool(excused) and all(
        (found := at.get((*_parts(name), day))) is not None and found.is_equal
        for name in others
        for day in dates
    )


def _parts(name: str) -> tuple[str, str]:
    table, _, column = name.partition(".")
    return table, column


def _fewest(table: str) -> int:
    return MIN_TEAM_ROWS if is_about_teams(table) else MIN_ROWS


def _pooled(shares: Iterable[Share], what: ConstantKind) -> float:
    counts = [(share.number(what), share.rows) for share in shares]
    return sum(n for n, _ in counts) / (sum(rows for _, rows in counts) or 1)


def _error(share: float, values: float, floor: float) -> float:
    """Standard error of a share among that many independent values."""
    likely = min(max(share, floor), 1 - floor)
    return sqrt(likely * (1 - likely) / values)


def _jump(found: Sequence[_Flagged], sources: tuple[str, ...]) -> Jump:
    first, shares = found[0], [flag.share for flag in found]
    dates = tuple(share.date for share in shares)
    return Jump(
        table=first.share.table,
        columns=(first.share.column,),
        what=first.what,
        dates=dates,
        share=_pooled(shares, first.what),
        reference=first.reference,
        sources=sources,
    )


# Folding


def folded(found: Iterable[Jump]) -> list[Jump]:
    """Merge jumps by cause: jumps of derived columns become followers, columns that jump together
    become one jump.
    """
    found = list(found)
    following: dict[Jump, list[Jump]] = {}
    for jump in found:
        root = _root(jump, found)
        following.setdefault(root, []).extend([jump] if root is not jump else [])
    merged: dict[tuple[object, ...], list[Jump]] = defaultdict(list)
    for root, followers in following.items():
        merged[root.table, root.what, root.dates].append(replace(root, followers=tuple(followers)))
    return sorted(map(_merged, merged.values()), key=lambda j: (j.dates, j.table, j.columns))


def _root(jump: Jump, found: Sequence[Jump]) -> Jump:
    """Return the earliest cause of a jump, in Phase 3 or in an output, or the jump itself."""
    origin = origins(jump.names[0])
    causes = [other for other in found if other.names[0] in origin and _may_follow(jump, other)]
    return _root(min(causes, key=lambda other: other.dates), found) if causes else jump


def _may_follow(jump: Jump, cause: Jump) -> bool:
    return cause.dates[0] <= jump.dates[0] <= cause.dates[-1] + FOLLOWS_WITHIN


def _merged(jumps_: Sequence[Jump]) -> Jump:
    """Merge columns of a table that jump on the same dates to the same kind of value."""
    return replace(
        jumps_[0],
        columns=tuple(column for jump in jumps_ for column in jump.columns),
        share=sum(jump.share for jump in jumps_) / len(jumps_),
        reference=sum(jump.reference for jump in jumps_) / len(jumps_),
        sources=tuple(dict.fromkeys(source for jump in jumps_ for source in jump.sources)),
        followers=tuple(dict.fromkeys(follower for jump in jumps_ for follower in jump.followers)),
    )
