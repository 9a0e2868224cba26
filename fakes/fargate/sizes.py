"""The pairs of CPU (units) and memory (MiB) that RegisterTaskDefinition takes, as the ECS API reference lists them."""

from typing import Any

_RANGES = {
    256: range(512, 2049, 512),
    512: range(1024, 4097, 1024),
    1024: range(2048, 8193, 1024),
    2048: range(4096, 16385, 1024),
    4096: range(8192, 30721, 1024),
    8192: range(16384, 61441, 4096),
    16384: range(32768, 122881, 8192),
}


def is_valid(cpu: Any, memory: Any) -> bool:
    """Whether Fargate has that size."""
    if not str(cpu).isdigit() or not str(memory).isdigit() or (int(cpu), int(memory)) == (256, 1536):
        return False
    return int(memory) in _RANGES.get(int(cpu), ())
