"""Real file system that can be full or read-only: a tmpfs in a separate mount namespace."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen

from tests.system.installation import Installation

# As root, or as a normal user in a user namespace where the system allows it.
WAYS = (
    ("unshare --mount", "nsenter --mount"),
    ("unshare --map-root-user --mount", "nsenter --user --mount --preserve-credentials"),
)


@dataclass(frozen=True)
class FileSystem:
    """File system at `place`, mounted while `holder` lives.

    `enter` is the command prefix that runs a program in it.
    """

    place: Path
    holder: Popen[str]
    enter: tuple[str, ...]

    @classmethod
    def mounted(cls, place: Path) -> FileSystem | None:
        """Mount a file system without a size limit; None where that is not permitted."""
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
        """Root folder as seen from inside."""
        return Path(f"/proc/{self.holder.pid}/root")

    def run(self, *command: str) -> None:
        """Run a command inside."""
        subprocess.run([*self.enter, *command], check=True)

    def remount(self, options: str) -> None:
        """Change its size, or make it read-only or writable."""
        self.run("mount", "-o", f"remount,{options}", str(self.place))

    def leave_kilobytes(self, room: int) -> None:
        """Shrink it until this much is free."""
        command = [*self.enter, "df", "-k", "--output=used", str(self.place)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        self.remount(f"size={int(done.stdout.split()[1]) + room}k")

    def take_in(self, installation: Installation) -> Installation:
        """Copy an installation into this file system."""
        self.run("cp", "-a", str(installation.var), str(self.place / "var"))
        return Installation(self.place / "var", self.enter, self.root)

    def take_in_warehouse(self, installation: Installation) -> Installation:
        """Return the installation with a copy of its warehouse in this file system."""
        self.run("cp", "-a", str(installation.var / "warehouse"), str(self.place / "warehouse"))
        return Installation(installation.var, self.enter, self.root, self.place / "warehouse")

    def close(self) -> None:
        """Unmount it, by ending the last process inside."""
        self.holder.communicate("")
