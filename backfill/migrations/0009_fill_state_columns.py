"""Fill the state columns from the sentences of older versions; only this module still parses them.

Imports nothing from the application, because its sentences change.
"""

import re

from django.db import migrations

ARROW = re.compile(r"([a-z]+) → ([a-z]+)")
CREATED = ("queued", "open", "saved", "waiting")
KINDS = {
    "approved": "approval",
    "brake put on": "pause on error",
    "brake released": "pause on error",
    "cancelling by force": "force cancel",
    "preflight overridden": "preflight override",
}
SYSTEM = ("backcourt", "sweep")
PAUSED_BY_BUG = re.compile(r"(brake|canary): (\w+) (\d{4}-\d\d-\d\d): ")
RAISED = re.compile(r"(?:\w*(?:Warehouse|Error|Exception)\w*|CorruptPartition|StatementFailed|Superseded): ")
RETRY = re.compile(r"retry \d+ of \d+ in ")
PROCESS_ENDED = "its process ended"

REFUSED = re.compile(r"(defensive|freshness|population): ([\w.]+): ")
BLOCKED = re.compile(r"blocked: (\w+) ")
UNREADABLE = re.compile(r"CorruptPartition: ([^\s\"']+\.parquet) ")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
OUTPUTS = {
    "nba_precompute.team_defense_zone_analysis": "TDZA",
    "nba_precompute.player_shot_zone_analysis": "PSZA",
    "nba_precompute.player_composite_factors": "PCF",
    "nba_precompute.player_daily_cache": "PDC",
    "nba_predictions.ml_feature_store_v2": "ML",
}

SOURCES = {
    "nba_analytics.player_game_summary": "PGS",
    "nba_analytics.team_defense_game_summary": "TDGS",
    "nba_analytics.team_offense_game_summary": "TOGS",
    "nba_analytics.upcoming_player_game_context": "UPGC",
}
BAD_ROW = re.compile(r"impossible value in (\S+), game_id (\S+):")
ROW_KEY = re.compile(r"(.+) on (\d{4}-\d\d-\d\d), game (\S+)")
JUMPED = re.compile(r"\w+: (.+?) (?:is|are) (?:NULL|zero|constant) in ")
CHUNK = 1000


def fill(apps, schema_editor):
    """Convert events, runs and findings."""
    Event, Run, Finding = (apps.get_model("backfill", name) for name in ("Event", "Run", "Finding"))
    _fill_kinds(Event)
    _fill_job_causes(Event, Run)
    _fill_run_causes(Event)
    _fill_other_causes(Event)
    _fill_runs(Run)
    _fill_findings(Finding)


def _fill_kinds(Event):
    Event.objects.filter(action__startswith="batches in flight ").update(kind="concurrency limit")
    Event.objects.filter(action__startswith="batch ", action__endswith=" is sent again").update(kind="requeue")
    for action in Event.objects.filter(kind="transition").order_by().values_list("action", flat=True).distinct():
        found = Event.objects.filter(action=action)
        if match := ARROW.fullmatch(action):
            found.update(from_state=match[1], to_state=match[2])
        elif action in CREATED:
            found.update(kind="created", to_state=action)
        elif action in KINDS:
            found.update(kind=KINDS[action])


def _fill_job_causes(Event, Run):
    for event in Event.objects.filter(kind="transition", job__isnull=False, run=None).order_by("pk"):
        if not (cause := _job_cause(event)):
            continue
        event.cause = cause
        if match := PAUSED_BY_BUG.match(event.reason) if cause in ("pause on error", "canary") else None:
            event.cause_run = Run.objects.filter(job_id=event.job_id, processor=match[2], date=match[3]).first()
        event.save(update_fields=["cause", "cause_run"])


def _job_cause(event):
    by_system = event.actor in SYSTEM
    if event.to_state == "pausing":
        bug = PAUSED_BY_BUG.match(event.reason)
        if by_system and bug:
            return {"brake": "pause on error", "canary": "canary"}[bug[1]]
        if by_system and event.reason.startswith(PROCESS_ENDED):
            return "process ended"
        if RAISED.match(event.reason):
            return "error"
        return "interrupt" if event.reason == "interrupted" else "operator"
    if event.to_state == "cancelling" or (event.from_state, event.to_state) in RESUMED:
        return "operator"
    if event.to_state == "cancelled" and event.reason.startswith(PROCESS_ENDED):
        return "process ended"
    return "runs failed" if event.to_state == "failed" else ""


RESUMED = {("pausing", "running"), ("paused", "queued"), ("cancelled", "queued")}


def _fill_run_causes(Event):
    """Group by distinct text: a job has thousands of events with equal text."""
    found = Event.objects.filter(kind="transition", run__isnull=False, to_state__in=("pending", "cancelled", "failed"))
    columns = ("actor", "from_state", "to_state", "reason")
    for values in list(found.order_by().values_list(*columns).distinct()):
        if cause := _run_cause(*values):
            found.filter(**dict(zip(columns, values))).update(cause=cause)


def _run_cause(actor, from_state, to_state, reason):
    by_system = actor in SYSTEM
    if to_state == "cancelled":
        return "process ended" if by_system and reason.startswith(PROCESS_ENDED) else "operator"
    if from_state == "cancelled":
        return "operator"
    if reason.startswith("its worker ") or (actor == "sweep" and reason.startswith(PROCESS_ENDED)):
        return "worker lost"
    if to_state == "failed":
        return "worker lost" if reason.startswith(PROCESS_ENDED) else ""
    if RETRY.match(reason):
        return "retry"
    if by_system and reason.startswith(PROCESS_ENDED):
        return "process ended"
    if reason == "interrupted":
        return "interrupt"
    return "error" if RAISED.match(reason) else ""


def _fill_other_causes(Event):
    by_person = Event.objects.filter(kind="transition").exclude(actor__in=SYSTEM)
    by_person.filter(finding__isnull=False).update(cause="operator")
    launches = by_person.filter(launch__isnull=False)
    launches.filter(to_state="withdrawn").exclude(reason="replaced").update(cause="operator")
    for event in launches.filter(to_state="refused").select_related("launch"):
        if event.launch.outcome_message == f"{event.actor} refused it: {event.reason}":
            Event.objects.filter(pk=event.pk).update(cause="operator")


def _fill_runs(Run):
    Run.objects.filter(reason="already complete").update(skip_reason="already complete")
    Run.objects.filter(status="skipped", reason__startswith="bootstrap").update(skip_reason="bootstrap")
    changed = []
    for run in Run.objects.filter(status__in=("failed", "blocked")).only("status", "error", "reason").iterator(CHUNK):
        run.refused_by, run.error_detail = _refusal(run)
        changed += [run] if run.error_detail else []
    Run.objects.bulk_update(changed, ["refused_by", "error_detail"], batch_size=CHUNK)


def _refusal(run):
    """Return the check that refused a run, and the identifiers in its error."""
    if run.status == "blocked":
        match = BLOCKED.match(run.reason)
        return "", {"blocked_by": match[1]} if match else {}
    if run.error == "CorruptPartition":
        match = UNREADABLE.match(run.reason)
        return "", _partition(match[1]) if match else {}
    if run.error or not (match := REFUSED.match(run.reason)):
        return "", {}
    upstream = OUTPUTS.get(match[2]) if match[1] == "defensive" else None
    return match[1], {"upstream": upstream} if upstream else {"source": match[2]}


def _partition(file):
    """Parse the folders of a file: `<dataset>/<table>/<column>=<value>/…`."""
    *folders, _ = file.split("/")
    values = dict(name.split("=", 1) for name in folders if "=" in name)
    plain = [name for name in folders if "=" not in name]
    found = {"file": file, "table": ".".join(plain[-2:]), "processor_name": values.get("processor_name")}
    found["date"] = next((value for value in values.values() if DAY.fullmatch(value)), None)
    return {name: value for name, value in found.items() if value}


def _fill_findings(Finding):
    for finding in Finding.objects.all():
        if evidence := EVIDENCE.get(finding.kind, lambda finding: {})(finding):
            Finding.objects.filter(pk=finding.pk).update(evidence=evidence)


def _source_rows(finding):
    named = [match for text in finding.numbers.get("texts", []) if (match := BAD_ROW.match(text))]
    tables = {match[2]: SOURCES[match[1]] for match in named if match[1] in SOURCES}
    keys = [match for text in finding.numbers.get("sample", []) if (match := ROW_KEY.fullmatch(text))]
    rows = [
        {"table": tables[game], "entity": entity, "date": day, "game_id": game}
        for entity, day, game in (match.groups() for match in keys)
        if game in tables
    ]
    return {"rows": rows}


def _columns(finding):
    match = JUMPED.match(finding.sentence)
    return {"table": finding.subject.split(" ", 1)[0], "columns": match[1].split(", ")} if match else {}


EVIDENCE = {
    "impossible value": _source_rows,
    "column jump": _columns,
    "Phase 3 missing": lambda finding: {"tables": finding.numbers.get("tables", [])},
    "low coverage": lambda finding: {"tables": list(finding.numbers.get("rows", {}))},
    "duplicate input": lambda finding: {"tables": list(finding.numbers.get("rows too many", {}))},
}


class Migration(migrations.Migration):
    dependencies = [("backfill", "0008_state_columns")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
