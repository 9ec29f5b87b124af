"""Forks of a process that has imported their modules."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from backfill.errors import Refused
from backfill.processes.forks import run_beside
from tests.system.installation import ROOT, environment, until

FORKED = """
import os, signal
from backfill.processes import forks
signal.signal(signal.SIGTERM, lambda *_: print("handler of the parent"))
{before}
child = os.fork()
if not child:
    forks.run_module("name", ["module", "word"])
print("exit code", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def forked(folder: Path, module: str, before: str = "") -> tuple[str, str]:
    """Run a module in a fork of another process; return what both print."""
    (folder / "module.py").write_text(textwrap.dedent(module))
    done = subprocess.run(
        [sys.executable, "-c", FORKED.format(before=before)],
        cwd=ROOT,
        env=environment(DATA_DIR=str(folder), PYTHONPATH=f"{ROOT}:{folder}"),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("end", "code", "error"),
    [
        ("", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('wrong')", 1, "wrong\n"),
        ("raise SystemExit(None)", 0, ""),
    ],
)
def test_a_module_ends_like_that_of_an_interpreter(
    tmp_path: Path, end: str, code: int, error: str
) -> None:
    module = f"""
        import atexit, sys, threading, time
        atexit.register(print, "at exit")
        threading.Thread(target=lambda: (time.sleep(0.05), print("thread"))).start()
        print(__name__, sys.argv[1:])
        {end}
    """
    said, errors = forked(tmp_path, module, "import atexit; atexit.register(print, 'parent')")
    assert said == f"__main__ ['word']\nthread\nat exit\nexit code {code}\nparent\n"
    assert errors == error


def test_an_error_is_a_traceback_and_exit_code_1(tmp_path: Path) -> None:
    said, errors = forked(tmp_path, "1 / 0")
    assert said == "exit code 1\n"
    assert errors.startswith("Traceback")
    assert errors.endswith("ZeroDivisionError: division by zero\n")


def test_it_handles_signals_like_a_new_interpreter(tmp_path: Path) -> None:
    module = """
        import signal
        print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, flush=True)
        signal.raise_signal(signal.SIGTERM)
    """
    assert forked(tmp_path, module)[0] == f"True\nTrue\nexit code {-signal.SIGTERM}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name no processes")
def test_lists_of_processes_have_its_name(tmp_path: Path) -> None:
    module = """
        from pathlib import Path
        print(Path("/proc/self/comm").read_text().strip())
        print(Path("/proc/self/cmdline").read_text().strip("\\0"))
    """
    said, _ = forked(tmp_path, module)
    assert said == "name\nbackcourt name\nexit code 0\n"


def _one() -> int:
    return 1


def _refused() -> int:
    raise Refused("no")


def _stopped() -> int:
    psutil.Process().parent().send_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    return 1


def test_the_functions_beside_return_their_results_or_raise_their_first_error() -> None:
    here: list[int] = []
    assert run_beside([_one, _one], lambda: here.append(1)) == [1, 1]
    assert here == [1]
    with pytest.raises(Refused, match="no"):
        run_beside([_one, _refused], lambda: None)


def test_ctrl_c_waits_for_the_functions_beside() -> None:
    with pytest.raises(KeyboardInterrupt):
        run_beside([_stopped], lambda: until(lambda: False, "Ctrl-C"))
