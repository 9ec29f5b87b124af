"""Lock files contain every required version with hashes, and the SBOM matches the lock file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = sorted(path.stem for path in ROOT.glob("requirements*.txt"))
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", re.MULTILINE)
ENTRY = re.compile(
    r"^([\w.-]+)==(\S+).*\\\n((?:    --hash=sha256:[0-9a-f]{64}.*\n)+)", re.MULTILINE
)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    return {canonical(name): version for name, version in PIN.findall(text)}


def lock_file(stem: str) -> str:
    return (ROOT / f"{stem}.lock").read_text()


@pytest.mark.parametrize("stem", REQUIREMENTS)
def test_a_lock_file_has_every_required_version(stem: str) -> None:
    required = pins((ROOT / f"{stem}.txt").read_text())
    locked = pins(lock_file(stem))
    assert required
    assert {name: locked.get(name) for name in required} == required


@pytest.mark.parametrize("stem", REQUIREMENTS)
def test_every_locked_version_has_hashes_and_no_address(stem: str) -> None:
    text = lock_file(stem)
    assert len(ENTRY.findall(text)) == len(pins(text)) > 0
    assert "://" not in text


def test_development_packages_have_the_versions_of_the_image() -> None:
    development = pins(lock_file("requirements-dev"))
    image = pins(lock_file("requirements"))
    assert {name: development.get(name) for name in image} == image


def test_the_sbom_matches_the_lock_file() -> None:
    written = subprocess.run(
        [sys.executable, "bin/_sbom"],
        cwd=ROOT,
        input=lock_file("requirements"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    committed = (ROOT / "sbom.cdx.json").read_text()
    assert written.stdout == committed
    components = json.loads(committed)["components"]
    assert {c["name"]: c["version"] for c in components} == pins(lock_file("requirements"))
    assert all(component["hashes"] for component in components)


def test_the_sbom_shows_the_dependencies_of_installed_packages() -> None:
    document = json.loads((ROOT / "sbom.cdx.json").read_text())
    graph = {entry["ref"]: set(entry["dependsOn"]) for entry in document["dependencies"]}
    names = {c["bom-ref"]: c["name"] for c in document["components"]}
    for reference in graph["backcourt"]:
        needed = distribution(names[reference]).requires or []
        plain = {canonical(re.split(r"[^\w.-]", need)[0]) for need in needed if ";" not in need}
        assert plain <= {names[used] for used in graph[reference]}, reference


@pytest.mark.parametrize("file", ["bin/_venv", "Dockerfile"])
def test_every_installation_requires_hashes(file: str) -> None:
    commands = re.findall(r".*\binstall\b.* -r .*", (ROOT / file).read_text())
    assert commands
    assert all(("--require-hashes" in c and ".lock" in c) or "lock_of" in c for c in commands)
