"""Tests of the hardware."""

import pytest

pytest.register_assert_rewrite("tests.locks.contract")
