"""Kinds of Findings about Phase 3 tables that contradict each other: the closed list."""

from __future__ import annotations

from validation.findings.finding_kind import FindingKind, Severity

TEAM_NAME = FindingKind(
    name="team name",
    severity=Severity.PROBLEM,
    title="team abbreviation that no other table has",
    cause="the source of the table uses another abbreviation",
    advice="Correct the abbreviation in Phase 3, reload the table, then rerun everything computed "
    "from it.",
)
GAME_DATE = FindingKind(
    name="game date",
    severity=Severity.PROBLEM,
    title="game with different dates",
    cause="a date in another time zone, or a game that was moved",
    advice="Correct the date in Phase 3, reload the table, then rerun everything computed from it.",
)
GAME_TEAMS = FindingKind(
    name="game teams",
    severity=Severity.PROBLEM,
    title="final game without exactly its two teams",
    cause="Phase 3 dropped a team's rows, or wrote them for another team",
    advice="Run Phase 3 for the games again, reload the table, then rerun everything computed from "
    "it.",
)
OPPONENT = FindingKind(
    name="opponent",
    severity=Severity.PROBLEM,
    title="two teams of a game that are not each other's opponent",
    cause="Phase 3 wrote the team itself, or a team of another game, as opponent",
    advice="Correct the opponent in Phase 3, reload the table, then rerun everything computed from "
    "it.",
)
UNSCHEDULED = FindingKind(
    name="unscheduled game",
    severity=Severity.PROBLEM,
    title="game that the schedule does not have",
    cause="the schedule is incomplete, or the game_id is wrong",
    advice="Correct the schedule or the game_id, reload both, then rerun everything computed from "
    "them.",
)
PLAYER_NAME = FindingKind(
    name="player name",
    severity=Severity.PROBLEM,
    title="player key that differs between games and context",
    cause="two sources write the key in different ways",
    advice="Write one key in both tables in Phase 3, reload them, then rerun everything computed "
    "from them.",
)
NO_CONTEXT = FindingKind(
    name="no context",
    severity=Severity.WARNING,
    title="players with games and without context",
    cause="the context was written before they joined their team",
    advice="Run Phase 3 for the context of these games, reload it, then rerun the dates.",
)
ZONES = FindingKind(
    name="zones",
    severity=Severity.PROBLEM,
    title="shots by zone that contradict the field goals",
    cause="Phase 3 counted shots in two zones, or not at all",
    advice="Correct the zones in Phase 3, reload the rows, then rerun everything computed from them.",
)
SUMS = FindingKind(
    name="sums",
    severity=Severity.PROBLEM,
    title="team numbers that differ from the sums of the players",
    cause="a player's row is missing, or one of both tables is wrong",
    advice="Compare both tables with the box score, reload the wrong one, then rerun everything "
    "computed from it.",
)
CONSTANT_COLUMN = FindingKind(
    name="constant column",
    severity=Severity.PROBLEM,
    title="column without information from the first day on",
    cause="Phase 3 does not compute the column",
    advice="In Phase 3, compute the column. Reload it, then rerun everything computed from it.",
)

INPUT_KINDS = (
    TEAM_NAME, GAME_DATE, GAME_TEAMS, OPPONENT, UNSCHEDULED, PLAYER_NAME, ZONES, SUMS,
    CONSTANT_COLUMN, NO_CONTEXT,
)  # fmt: skip
