"""The mock provider: pods that only pretend to run, as scripted; no cloud needed."""

from providers.mock.factory import create

__all__ = ["create"]
