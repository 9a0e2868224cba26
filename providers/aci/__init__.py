"""Azure Container Instances: each pod is a container group."""

from providers.aci.factory import create

__all__ = ["create"]
