from __future__ import annotations

from datetime import date, timedelta

from validation.season import Calendar, Game
from validation.spans import Span, last_failed, spans, weeks_span

OPENING = date(2021, 10, 19)
CALENDAR = Calendar(Game(OPENING + timedelta(days=n), 2021) for n in range(30) if n not in (8, 15))


def on(k: int) -> date:
    return OPENING + timedelta(days=k)


def test_a_season_can_be_chosen_whole_by_week_and_by_month() -> None:
    assert spans(CALENDAR, 2021) == [
        Span("whole season 2021-22", on(0), on(29), 28),
        Span("season week 1", on(0), on(7), 8),
        Span("season week 2", on(9), on(14), 6),
        Span("season week 3", on(16), on(21), 6),
        Span("season week 4", on(22), on(28), 7),
        Span("season week 5", on(29), on(29), 1),
        Span("October 2021", on(0), date(2021, 10, 31), 12),
        Span("November 2021", date(2021, 11, 1), on(29), 16),
    ]


def test_a_season_without_games_has_nothing_to_choose() -> None:
    assert spans(CALENDAR, 2022) == []
    assert weeks_span(CALENDAR, 2022, 1, 2) is None


def test_weeks_are_chosen_from_the_first_to_the_last() -> None:
    assert weeks_span(CALENDAR, 2021, 2, 3) == Span("season weeks 2 to 3", on(9), on(21), 12)
    assert weeks_span(CALENDAR, 2021, 5, 5) == Span("season week 5", on(29), on(29), 1)
    assert weeks_span(CALENDAR, 2021, 6, 9) is None


def test_the_last_failed_dates_are_no_range() -> None:
    failed = [on(5), on(1), on(9), on(5)]
    assert last_failed(failed, 2) == Span("the last 2 failed dates", on(5), on(9), 2, (on(5), on(9)))
    assert last_failed(failed, 1) == Span("the last failed date", on(9), on(9), 1, (on(9),))
    assert last_failed(failed, 9) == Span("the last 3 failed dates", on(1), on(9), 3, (on(1), on(5), on(9)))
    assert last_failed([], 3) is last_failed(failed, 0) is None
