from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from backfill import logs
from backfill.errors import Conflict, PlanChanged, Refused, WarehouseBusy
from backfill.execution import sweep
from backfill.jobs import launches
from backfill.jobs import start as starting
from backfill.jobs.approval import approval_reason
from backfill.jobs.launches import (
    approve_launch,
    get_preset,
    launch_backfill,
    list_presets,
    refuse_launch,
    save_preset,
    start_due,
    withdraw_launch,
)
from backfill.jobs.start import preview_job, start_job
from backfill.models import Event, Job, Launch
from backfill.plan.options import Options
from backfill.plan.signed_plan import seal
from tests.backfill.working import make_job, run_all
from tests.seasons.tiny import FIRST, LAST, SECOND, make_options

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("season"), pytest.mark.database]
ONE: dict[str, Any] = {"processors": ("PSZA",)}
TOMORROW = timedelta(days=1)


def later(**overrides: Any) -> Launch:
    """Make a launch scheduled for tomorrow."""
    found = launch_backfill(
        make_options(**ONE), "ann", **{"start_at": now() + TOMORROW, **overrides}
    )
    assert isinstance(found, Launch)
    return found


def large(options: Options | None = None) -> Launch:
    """Make a launch that awaits approval, because it has more dates than the limit."""
    found = launch_backfill(options or make_options(**ONE), "ann", limit=3)
    assert isinstance(found, Launch)
    return found


def make_due(launch: Launch) -> None:
    Launch.objects.filter(pk=launch.pk).update(start_at=now() - timedelta(seconds=1))


def events(launch: Launch) -> list[tuple[str, str, str]]:
    return list(
        Event.objects.filter(launch=launch).order_by("pk").values_list("actor", "action", "reason")
    )


# Binding preview


def test_what_was_previewed_starts() -> None:
    sealed = seal(preview_job(make_options(**ONE)).plan)
    assert isinstance(launch_backfill(make_options(**ONE), "ann", previewed=sealed), Job)


@pytest.mark.shell
def test_what_has_changed_since_the_preview_does_not_start_and_is_said() -> None:
    sealed = seal(preview_job(make_options(**ONE)).plan)
    run_all(make_job(end=SECOND, **ONE))
    was = "PSZA: run (not complete) → keep (already complete)"
    for start in (start_job, launch_backfill):
        with pytest.raises(PlanChanged) as changed:
            start(make_options(**ONE), "ann", previewed=sealed)
        assert (
            str(changed.value)
            == f"2 dates changed since the preview: {FIRST} {was}; {SECOND} {was}"
        )
    with pytest.raises(PlanChanged):
        later(previewed=sealed)
    assert (Job.objects.count(), Launch.objects.count()) == (1, 0)


# Presets


def test_a_preset_is_saved_and_found_by_its_name() -> None:
    saved = save_preset("  one   night ", make_options(reason="each night"), "ann")
    assert list(list_presets()) == [saved] == [get_preset("one night ")]
    assert Options.from_json(saved.options) == make_options(reason="each night")
    assert events(saved) == [("ann", "saved", "each night")]


def test_a_preset_is_replaced_only_when_that_is_meant() -> None:
    first = save_preset("nightly", make_options(), "ann")
    with pytest.raises(Refused) as refused:
        save_preset("nightly", make_options(force=True), "ben")
    assert (
        str(refused.value)
        == "there is a preset 'nightly' by ann already; replace it, or choose another name"
    )
    second = save_preset("nightly", make_options(force=True), "ben", replace=True)
    assert list(list_presets()) == [second]
    first.refresh_from_db()
    assert (first.state, events(first)[-1]) == (
        "withdrawn",
        ("ben", "saved → withdrawn", "replaced"),
    )
    withdraw_launch(second, "ben")
    assert save_preset("nightly", make_options(), "ann", replace=True).state == "saved"


def test_a_preset_without_a_name_or_that_does_not_exist_is_refused() -> None:
    for name in (" ", "x" * 81):
        with pytest.raises(Refused, match="a preset's name has 1 to 80 characters"):
            save_preset(name, make_options(), "ann")
    with pytest.raises(Refused, match="there is no preset 'x'; no preset is saved"):
        get_preset("x")
    save_preset("y", make_options(), "ann")
    with pytest.raises(Refused, match="there is no preset 'x'; choose from 'y'"):
        get_preset("x")


# Scheduled launches


def test_a_launch_for_later_waits_and_is_started_by_the_sweep_when_its_time_has_come() -> None:
    launch = later()
    sweep.sweep_lost_work()
    assert not Job.objects.exists()
    make_due(launch)
    sweep.sweep_lost_work()
    job = Job.objects.get()
    launch.refresh_from_db()
    assert (launch.state, launch.job, job.actor, job.parsed_options) == (
        "started",
        job,
        "ann",
        make_options(**ONE),
    )
    assert events(launch) == [("ann", "waiting", ""), ("ann", "waiting → started", "")]
    sweep.sweep_lost_work()
    assert Job.objects.count() == 1


def test_a_time_that_has_passed_is_refused() -> None:
    with pytest.raises(Refused, match="2020-01-01 00:00 UTC is in the past; set a later time"):
        later(start_at=datetime.fromisoformat("2020-01-01T00:00:00+00:00"))


def test_a_launch_whose_dates_another_job_holds_is_refused_and_says_so() -> None:
    launch = later()
    make_due(launch)
    job = make_job(**ONE)
    assert start_due(now()) == []
    launch.refresh_from_db()
    said = f"job {job.pk} (ann, queued) holds 4 runs of this range; wait for it or cancel it"
    assert (launch.state, launch.outcome_message, launch.job) == ("refused", said, None)


@pytest.mark.shell
def test_a_launch_of_what_is_complete_meanwhile_is_refused_and_says_so() -> None:
    launch = later()
    make_due(launch)
    run_all(make_job(**ONE))
    start_due(now())
    launch.refresh_from_db()
    assert (launch.state, launch.outcome_message) == (
        "refused",
        "nothing to run: all dates are complete",
    )


def test_a_busy_warehouse_refuses_nothing_and_stops_no_other_launch(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = later(), later()
    make_due(first)
    make_due(second)
    asked: list[int] = []

    def busy(options: Options) -> Any:
        asked.append(1)
        if len(asked) == 1:
            raise WarehouseBusy
        return kept(options)

    kept = starting.preview_job
    monkeypatch.setattr(starting, "preview_job", busy)
    (job,) = start_due(now())
    assert f"starting launch {first.pk} failed" in caplog.text
    assert dict(Launch.objects.values_list("pk", "state")) == {
        first.pk: "waiting",
        second.pk: "started",
    }
    assert job == Launch.objects.get(pk=second.pk).job


def test_two_sweeps_start_a_launch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = later()
    make_due(launch)
    kept = starting.preview_job

    def other_sweep_first(options: Options) -> Any:
        """Make another sweep start the launch, and its job finish, while this sweep checks the
        dates.
        """
        monkeypatch.setattr(starting, "preview_job", kept)
        found = kept(options)
        run_all(launches.start_waiting(launch.pk) or pytest.fail("the other sweep started nothing"))
        return found

    monkeypatch.setattr(starting, "preview_job", other_sweep_first)
    assert launches.start_waiting(launch.pk) is None
    launch.refresh_from_db()
    assert (launch.state, launch.job, launch.outcome_message) == ("started", Job.objects.get(), "")


def test_a_launch_that_is_withdrawn_at_the_last_moment_leaves_no_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launch = later()
    make_due(launch)
    kept = starting.preview_job

    def withdrawn(options: Options) -> Any:
        withdraw_launch(launch, "ann")
        return kept(options)

    monkeypatch.setattr(starting, "preview_job", withdrawn)
    assert launches.start_waiting(launch.pk) is None
    launch.refresh_from_db()
    assert (launch.state, Job.objects.exists()) == ("withdrawn", False)


def test_a_crash_while_the_job_is_made_leaves_the_launch_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launch = later()
    make_due(launch)

    def crash(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(launches, "_begin", crash)
        with pytest.raises(SystemExit):
            start_due(now())
    launch.refresh_from_db()
    assert (launch.state, Job.objects.exists()) == ("waiting", False)
    assert len(start_due(now())) == 1


# Approval


@pytest.mark.shell
def test_a_plan_of_too_many_dates_or_that_overwrites_too_much_needs_a_second_person() -> None:
    found = preview_job(make_options(**ONE)).plan
    assert approval_reason(found, 4) == ""
    assert approval_reason(found, 3) == "runs 4 dates; more than 3 need approval"
    run_all(make_job())
    forced = preview_job(make_options(force=True)).plan
    assert approval_reason(forced, 19) == "overwrites 20 complete runs; more than 19 need approval"
    assert approval_reason(forced, 20) == ""


def test_whoever_is_exempt_starts_it_and_others_wait(settings: Any) -> None:
    settings.APPROVAL_THRESHOLD_DATES = 3
    assert later().needs_approval == "runs 4 dates; more than 3 need approval"
    assert later(exempt=True).needs_approval == ""
    assert isinstance(launch_backfill(make_options(**ONE), "ann"), Launch)
    assert isinstance(launch_backfill(make_options(**ONE), "ann", exempt=True), Job)


def test_a_second_person_agrees_and_it_starts() -> None:
    launch = large()
    assert start_due(now()) == []
    approved = approve_launch(launch, "ben", "looks right")
    assert (approved.state, approved.approved_by, approved.job) == (
        "started",
        "ben",
        Job.objects.get(),
    )
    assert Job.objects.get().actor == "ann"
    reason = "runs 4 dates; more than 3 need approval"
    assert events(launch) == [
        ("ann", "waiting", reason),
        ("ben", "approved", "looks right"),
        ("ben", "waiting → started", ""),
    ]


def test_a_launch_for_later_that_is_agreed_to_still_waits_for_its_time() -> None:
    launch = launch_backfill(make_options(**ONE), "ann", limit=3, start_at=now() + TOMORROW)
    assert isinstance(launch, Launch)
    assert approve_launch(launch, "ben").state == "waiting"
    with pytest.raises(Refused, match=f"launch {launch.pk} is already approved by ben"):
        approve_launch(launch, "eve")
    assert len(start_due(now() + 2 * TOMORROW)) == 1


def test_nobody_agrees_to_what_he_asked_for_himself() -> None:
    launch = large()
    with pytest.raises(Refused, match=f"ann requested launch {launch.pk} and cannot approve it"):
        approve_launch(launch, "ann")
    assert not Job.objects.exists()


def test_what_needs_nobody_or_is_decided_cannot_be_approved() -> None:
    with pytest.raises(Refused, match=r"needs no approval$"):
        approve_launch(later(), "ben")
    launch = large()
    withdraw_launch(launch, "ann", "not now")
    for decide in (
        approve_launch,
        withdraw_launch,
        lambda one, actor: refuse_launch(one, actor, "no"),
    ):
        with pytest.raises(Refused, match=f"launch {launch.pk} is withdrawn and can no longer be"):
            decide(launch, "ben")


def test_a_refusal_says_why_to_the_one_who_asked() -> None:
    launch = large()
    with pytest.raises(Refused, match="requires a reason"):
        refuse_launch(launch, "ben", " ")
    assert refuse_launch(launch, "ben", "too large").outcome_message == "ben refused it: too large"
    assert start_due(now()) == []


def test_what_the_preflight_blocks_or_another_job_holds_when_it_is_agreed_to_says_so() -> None:
    launch = large()
    job = make_job(start=LAST, **ONE)
    approved = approve_launch(launch, "ben")
    assert approved.state == "refused"
    assert (
        approved.outcome_message
        == f"job {job.pk} (ann, queued) holds 1 run of this range; wait for it or cancel it"
    )


def test_a_conflict_now_is_raised_now() -> None:
    make_job(**ONE)
    with pytest.raises(Conflict):
        launch_backfill(make_options(**ONE), "ann")


def test_the_job_of_a_scheduled_launch_keeps_the_request_that_stored_it() -> None:
    with logs.about(request="stored"):
        make_due(later())
    (job,) = start_due(now())
    assert job.request_id == "stored"
