"""AWS Fargate: one ECS task for each pod."""

from providers.fargate.factory import create

__all__ = ["create"]
