"""Report an operation that the container engine refuses on this machine as skipped."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.containers.engine import EngineRefused


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    try:
        return (yield)
    except EngineRefused as refused:
        pytest.skip(f"the engine refused: {refused}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    try:
        return (yield)
    except EngineRefused as refused:
        pytest.skip(f"the engine refused: {refused}")
