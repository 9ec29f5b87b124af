"""Airflow: scheduler, DAG processor and API server run a backfill with one DAG run per date.

python airflow_backfill.py FIRST_DATE LAST_DATE
"""

import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

AIRFLOW = Path(sys.executable).parent / "airflow"
ENDED = "SELECT COUNT(*), COUNT(*) FILTER (WHERE state IN ('success', 'failed')), COUNT(*) FILTER (WHERE state = 'failed') FROM dag_run"


def main(first: str, last: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    os.environ |= {
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
    }
    daemons = [
        subprocess.Popen([AIRFLOW, *words])
        for words in (["api-server", "--workers", "1"], ["scheduler"], ["dag-processor"])
    ]
    try:
        wait_for(f"{url}/api/v2/version")
        span = ["--from-date", first, "--to-date", last, "--max-active-runs", "2"]
        subprocess.run([AIRFLOW, "backfill", "create", "--dag-id", "by_date", *span], check=True)
        wait_for_runs()
    finally:
        for daemon in daemons:
            daemon.terminate()
        for daemon in daemons:
            daemon.wait()


def wait_for(url: str) -> None:
    while True:
        with suppress(OSError), urllib.request.urlopen(url):
            return
        time.sleep(0.2)


def wait_for_runs() -> None:
    file = Path(os.environ["AIRFLOW_HOME"]) / "airflow.db"
    with closing(sqlite3.connect(file)) as db:
        while True:
            total, ended, failed = db.execute(ENDED).fetchone()
            if total == ended:
                break
            time.sleep(0.2)
    if failed:
        sys.exit(f"{failed} of {total} runs failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
