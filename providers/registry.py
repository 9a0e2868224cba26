"""Which providers there are: the entry points of the group ``vksim.providers``.

A package adds one with, in its pyproject.toml::

    [project.entry-points."vksim.providers"]
    mycloud = "mypackage.provider:create"

where ``create`` takes a ``ProviderContext`` and returns a ``Provider``.
"""

import difflib
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from providers.base import Provider, ProviderContext
from providers.errors import ProviderError

GROUP = "vksim.providers"

ProviderFactory = Callable[[ProviderContext], Provider]


class UnknownProvider(ProviderError):
    """No installed package has a provider of that name."""


class ProviderNotInstalled(ProviderError):
    """The provider is known, but a library that it needs is missing."""


OWN_PACKAGE = __name__.partition(".")[0]


def names() -> list[str]:
    """The names of all installed providers, sorted."""
    return sorted(_entry_points())


def load(name: str) -> ProviderFactory:
    """The factory of a provider.

    Raises:
        UnknownProvider: the message lists those there are.
        ProviderNotInstalled: the message says what to install.
    """
    found = _entry_points()
    if name not in found:
        close = difflib.get_close_matches(name, found, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UnknownProvider(f"provider {name!r} not found; there are: {', '.join(sorted(found)) or 'none'}{hint}")
    try:
        factory: ProviderFactory = found[name].load()
    except ModuleNotFoundError as missing:
        own = found[name].module.partition(".")[0] == OWN_PACKAGE
        remedy = f"install it with: pip install 'vksim[{name}]'" if own else "install that package"
        raise ProviderNotInstalled(f"provider {name!r} needs the package {missing.name!r}; {remedy}") from missing
    except (ImportError, AttributeError) as error:
        raise ProviderNotInstalled(
            f"provider {name!r} cannot be loaded: {error}; is what it needs installed in a version that fits?"
        ) from error
    return factory


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
