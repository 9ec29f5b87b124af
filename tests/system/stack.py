"""Processes that bin/up runs for one installation, started and stopped by the product's code."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess, Popen

import psutil

from tests.system.installation import Installation, kill, until

# Short timeouts, so that a chaos test does not wait for production ones.
QUICK = {
    "HEARTBEAT_SECONDS": "1",
    "SWEEP_SECONDS": "1",
    "BATCH_LOST_AFTER_SECONDS": "3",
    "WORKER_DEAD_AFTER_SECONDS": "10",
}
PROGRAMS = {
    "supervisor": "backcourt supervisor",
    "redis": "redis-server",
    "worker": "backcourt worker",
    "beat": "backcourt sweep",
    "web": "backcourt web",
}
STOP_SECONDS = 90
TIED_SECONDS = 10
READY = "running: "


@dataclass
class Stack:
    """Processes of an installation. `front` is the process that Ctrl-C stops."""

    installation: Installation
    front: Popen[str]
    known: set[psutil.Process]

    @classmethod
    def started(cls, installation: Installation, **env: str) -> Stack:
        """Start all processes and wait for a live worker."""
        made = cls.of(
            installation, installation.start("up", "--no-demo", "--no-web", **{**QUICK, **env})
        )
        try:
            made.wait_until_ready()
        except BaseException:
            made.kill_all()
            raise
        return made

    @classmethod
    def of(cls, installation: Installation, front: Popen[str]) -> Stack:
        """Return the stack of a process that was started elsewhere."""
        return cls(installation, front, {psutil.Process(front.pid)})

    def wait_until_ready(self) -> str:
        """Wait until the output reports a live worker; return the output so far."""
        said = []
        for line in self.front.stdout or ():
            said.append(line)
            if READY in line:
                self.processes()
                return "".join(said)
        _, err = self.front.communicate()
        raise AssertionError(
            f"it did not start (exit {self.front.returncode}): {''.join(said)}{err}{self.logs()}"
        )

    def processes(self) -> list[psutil.Process]:
        """Return every live process of this stack, including those whose parent was killed."""
        self.known |= {found for known in [*self.known] for found in _tree(known)}
        return [p for p in self.known if _lives(p)]

    def pid(self, name: str) -> int:
        """Return the pid of the supervisor, redis, worker (main process) or beat.

        Waits while it is being restarted.
        """
        until(lambda: self.pids(name), f"a {name}")
        return next(iter(self.pids(name)), 0) or self.pid(name)

    def pids(self, name: str) -> list[int]:
        """Return the pids with this name; of the worker only the main process."""
        named = [p for p in self.processes() if PROGRAMS[name] in _command(p)]
        if name == "supervisor":
            return [p.pid for p in named]
        supervisors = self.pids("supervisor")
        return [p.pid for p in named if _parent(p) in supervisors]

    def children(self) -> list[int]:
        """Return the pids of the worker's pool, which run the steps."""
        mains = self.pids("worker")
        return [p.pid for p in self.processes() if _parent(p) in mains]

    def logs(self) -> str:
        """Return the logs of all processes."""
        files = sorted(Path(self.installation.var / "log").glob("*.log"))
        return "\n".join(f"--- {f.name}\n{f.read_text(errors='replace')[-3000:]}" for f in files)

    def stop(self, sign: signal.Signals = signal.SIGINT) -> CompletedProcess[str]:
        """Press Ctrl-C in the terminal; assert that no process remains."""
        before = self.processes()
        kill(self.front, sign)
        try:
            out, err = self.front.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise AssertionError(f"it did not stop in {STOP_SECONDS} s:\n{self.logs()}") from None
        # A process that was just being started ends with its parent.
        ending = psutil.wait_procs([p for p in {*before, *self.known} if _lives(p)], TIED_SECONDS)[
            1
        ]
        left = [p for p in ending if _lives(p)]
        assert left == [], f"left behind: {[(p.pid, _command(p)) for p in left]}"
        return CompletedProcess(self.front.args, self.front.returncode, out, err)

    def kill_all(self) -> None:
        """Kill all processes with SIGKILL together, as in a power failure."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.front.communicate()
        until(lambda: not self.processes(), "the end of all processes")


@contextmanager
def running(installation: Installation, **env: str) -> Iterator[Stack]:
    """Run a stack, and stop it at the end unless the test already has."""
    stack = Stack.started(installation, **env)
    try:
        yield stack
    except BaseException:
        print(stack.logs())
        stack.kill_all()
        raise
    if stack.front.poll() is None:
        said = stack.stop()
        assert (said.returncode, said.stderr) == (0, ""), said
    else:
        stack.front.communicate()
        until(lambda: not stack.processes(), "the end of what a killed stack left")


@dataclass
class SharedStack:
    """Stack that tests use in turn, each from a loaded season without jobs."""

    installation: Installation
    _running: ExitStack = field(default_factory=ExitStack)
    _stack: Stack | None = None

    @contextmanager
    def from_the_start(self) -> Iterator[Stack]:
        """Yield the stack with nothing backfilled; the next test gets a new one after a failure."""
        self.installation.start_over()
        stack = self._stack or self._running.enter_context(running(self.installation))
        self._stack = None
        try:
            yield stack
        except BaseException:
            print(stack.logs())
            stack.kill_all()
            raise
        self._stack = stack

    def stop(self) -> None:
        """Stop the stack as a Ctrl-C does."""
        self._running.close()


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _tree(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return [process]


def _command(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def _parent(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(process.ppid())
    return 0
