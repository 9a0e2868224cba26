"""Alibaba Cloud Elastic Container Instance: one container group for each pod."""

from providers.eci.factory import create

__all__ = ["create"]
