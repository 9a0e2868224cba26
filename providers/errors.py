"""What may go wrong at a provider, by what the core can do about it.

A provider turns its cloud's errors into these at its border, once, with the cloud's own words as the message: they end
up in the pod's status and events. Any other exception counts as retryable, and is logged with its traceback.
"""

from datetime import timedelta


class ProviderError(Exception):
    """Base of all. The message is shown to the pod's owner."""


class NotFound(ProviderError):
    """The provider does not have that pod, container or node. For a delete it means: done."""


class Invalid(ProviderError):
    """The pod cannot be what it asks to be; only another pod could. The core fails it and does not try again."""


class Retryable(ProviderError):
    """It may work later: throttling, capacity, a time-out, a fault of the cloud's.

    Args:
        message: what the cloud said.
        delay: how long the cloud asked to wait (``Retry-After``); None leaves it to the core's back-off.
    """

    def __init__(self, message: str, *, delay: timedelta | None = None) -> None:
        super().__init__(message)
        self.delay = delay


class Permanent(ProviderError):
    """It will not work, however often one tries: a closed account, a refused image. The core fails the pod."""


class Unsupported(ProviderError):
    """The provider, or its cloud, has no such thing. For a pod it is as final as Permanent; over HTTP it is 501."""


class InvalidConfig(ProviderError):
    """The provider's configuration is wrong. The message names the source, the field and the remedy."""
