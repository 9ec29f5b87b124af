"""Real processes: killed, side by side, without space, with broken files."""

import pytest

pytest.register_assert_rewrite("tests.system.installation", "tests.system.stack")
