"""What commands share that serve something until a signal: which address, whether others may reach it, how it ends."""

import asyncio
import errno
import ipaddress
import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

ENDED, FAILED, WRONG_USAGE = 0, 1, 2
"""Exit codes; the commands' help explains them."""


class WrongUsage(Exception):
    """An option cannot be meant like that. The message says why, and what to do."""


def check_host(host: str, *, allow_remote: bool, danger: str) -> None:
    """Refuse an address that is none, or that other machines can reach although nobody said that they may.

    Raises:
        WrongUsage: ``danger`` is what it says could happen then.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise WrongUsage(f"--host: {host!r} is not an IP address; write e.g. 127.0.0.1") from None
    if not address.is_loopback and not allow_remote:
        raise WrongUsage(f"--host: other machines can reach {host}, and {danger}; if you want that, add --allow-remote")


def reachable(host: str) -> str:
    """The address that clients on this machine use: a server that listens everywhere is found on the loopback."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def cannot_listen(error: OSError, host: str, port: int) -> str:
    """Why a server could not start, in one line."""
    taken = f"; port {port} is in use, give another --port" if error.errno == errno.EADDRINUSE else ""
    return f"cannot serve on {host}: {error.strerror or error}{taken}"


def signalled() -> asyncio.Event:
    """Set by the first signal; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        stopped.set()
        for each in SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    return stopped
