"""How long the fuzzing takes: seconds with all tests, minutes on request."""

import pytest
from hypothesis import HealthCheck, settings

HEALTH = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

EFFORTS = [
    pytest.param(settings(max_examples=60, deadline=None, suppress_health_check=HEALTH), id="quick"),
    pytest.param(
        settings(max_examples=3000, deadline=None, suppress_health_check=HEALTH), id="long", marks=pytest.mark.slow
    ),
]
"""For ``pytest.mark.parametrize``."""
