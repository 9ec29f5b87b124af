"""A real file system that can be full or read-only: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen

from tests.system.installation import Installation

# As root, and as anybody in a user namespace where the system allows that.
WAYS = (
    ("unshare --mount", "nsenter --mount"),
    ("unshare --map-root-user --mount", "nsenter --user --mount --preserve-credentials"),
)


@dataclass(frozen=True)
class FileSystem:
    """The file system at `place`, there for as long as `holder` lives; `enter` is the command that
    runs another in it.
    """

    place: Path
    holder: Popen[str]
    enter: tuple[str, ...]

    @classmethod
    def mounted(cls, place: Path) -> FileSystem | None:
        """Mount one, as large as it likes to be; None where that is not allowed."""
        place.mkdir()
        for unshare, nsenter in WAYS if shutil.which("unshare") else ():
            script = f"mount -t tmpfs tmpfs '{place}' && echo mounted && exec cat"
            holder = Popen(
                [*unshare.split(), "sh", "-c", script],
                stdin=PIPE,
                stdout=PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            made = cls(place, holder, (*nsenter.split(), "--target", str(holder.pid)))
            if holder.stdout and holder.stdout.readline() == "mounted\n":
                return made
            made.close()
        return None

    @property
    def root(self) -> Path:
        """The root folder as seen from inside."""
        return Path(f"/proc/{self.holder.pid}/root")

    def run(self, *command: str) -> None:
        """Run something inside."""
        subprocess.run([*self.enter, *command], check=True)

    def remount(self, options: str) -> None:
        """Change its size, or whether it can be written."""
        self.run("mount", "-o", f"remount,{options}", str(self.place))

    def leave_kilobytes(self, room: int) -> None:
        """Shrink it until this much is free."""
        command = [*self.enter, "df", "-k", "--output=used", str(self.place)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        self.remount(f"size={int(done.stdout.split()[1]) + room}k")

    def take_in(self, installation: Installation) -> Installation:
        """A copy of an installation in this file system."""
        self.run("cp", "-a", str(installation.var), str(self.place / "var"))
        return Installation(self.place / "var", self.enter, self.root)

    def take_in_warehouse(self, installation: Installation) -> Installation:
        """An installation with a copy of its warehouse in this file system."""
        self.run("cp", "-a", str(installation.var / "warehouse"), str(self.place / "warehouse"))
        return Installation(installation.var, self.enter, self.root, self.place / "warehouse")

    def close(self) -> None:
        """Unmount it: it ends with the last process inside."""
        self.holder.communicate("")
