"""What the tests share: programs to run, a small PKI, outputs made comparable."""

import pytest

# An assert that fails in here shows its values, as one in a test does.
pytest.register_assert_rewrite("support.oracle", "support.peers", "support.programs")
