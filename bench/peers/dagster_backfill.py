"""Dagster: the daemon launches one run per date; ends when all have succeeded.

python dagster_backfill.py DATE[,DATE...]
"""

import subprocess
import sys
import time
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus

BIN, JOB = Path(sys.executable).parent, str(Path(__file__).with_name("dagster_job.py"))


def main(dates: str) -> None:
    daemon = subprocess.Popen([BIN / "dagster-daemon", "run", "-f", JOB])
    try:
        launch = [BIN / "dagster", "job", "backfill", "-f", JOB, "-j", "season"]
        subprocess.run([*launch, "--partitions", dates, "--noprompt"], check=True)
        with DagsterInstance.get() as instance:
            while not all(run.is_finished for run in instance.get_runs()):
                time.sleep(0.2)
            if any(run.status != DagsterRunStatus.SUCCESS for run in instance.get_runs()):
                sys.exit("a run failed")
    finally:
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    main(sys.argv[1])
