"""Real processes: killed, concurrent, out of disk space, with broken files."""

import pytest

pytest.register_assert_rewrite("tests.system.installation", "tests.system.stack")
