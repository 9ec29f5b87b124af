"""History of an installation for its metrics: `prepare` prints a viewer's token, `work` runs jobs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django


def prepare() -> None:
    """Migrate, load the tiny season, and print a token."""
    from django.core.management import call_command

    from tests.seasons.tiny import load_season
    from webapp.models import Role, Token, User

    call_command("migrate", verbosity=0)
    load_season(Path(os.environ["DATA_DIR"]) / "phase3")
    viewer = User.objects.create(username="prometheus", role=Role.VIEWER, password="!")
    print(Token.issue(viewer, "prometheus")[1])


def work() -> None:
    """Run the season in this process, audit it, and add a cost, an error, a retry and a message."""
    from django.utils.timezone import now

    from backfill.audit.marking import run_audit
    from backfill.execution.inline import run_inline
    from backfill.jobs.start import start_job
    from backfill.models import Job, Sweep
    from backfill.models.measure import Count, Measured
    from tests.backfill.working import make_worker
    from tests.seasons.tiny import make_options

    make_worker()
    Sweep.objects.create(at=now(), seconds=0.1)
    job = start_job(make_options(force=True), "ann", inline=True)
    assert job
    run_inline(job, "ann")
    run_audit()
    Job.objects.filter(pk=job.pk).update(billed_bytes=2**40, slot_seconds=90)
    measured = Measured()
    measured.count(Count.ERRORS, "PSZA", "StatementFailed")
    measured.count(Count.RETRIES, "PSZA", "WarehouseBusy")
    measured.count(Count.BILLED_BYTES, "PSZA", by=2**40)
    measured.count(Count.SLOT_SECONDS, "PSZA", by=90)
    measured.keep()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings"
    django.setup()
    {"prepare": prepare, "work": work}[sys.argv[1]]()
