"""How clouds behave as the mock provider can play them: measured on the production providers and the fake clouds."""

from collections.abc import Mapping

PROFILES: dict[str, Mapping[str, str]] = {}
"""Name -> settings of the mock provider's script."""
