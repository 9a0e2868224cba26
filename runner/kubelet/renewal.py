"""Keeps the kubelet API's certificate good while it is served: a TLS context may get another one at any time.

Files that change (a Secret's do when it is updated) are loaded again; a certificate that we made ourselves is replaced
before it expires. New connections get the new one, those that are open go on.
"""

import asyncio
import logging
import ssl
from datetime import timedelta
from pathlib import Path

from providers.base import Clock
from runner.kubelet.tls import VALIDITY, TlsError, TlsFiles, load

LOOK = timedelta(minutes=1)
"""How often the files are looked at."""
RENEW_AFTER = VALIDITY * 0.8

log = logging.getLogger(__name__)


async def keep_fresh(context: ssl.SSLContext, files: TlsFiles, *, node_name: str, address: str, clock: Clock) -> None:
    """Load into the context what is new, until cancelled. What cannot be loaded is logged; the old stays.

    Args:
        context: what ``server_context`` made of the same files.
        files: the operator's.
        node_name: for a certificate of our own.
        address: for it, too.
        clock: dates it.
    """
    seen, made = _stamps(files), clock.now()
    while True:
        await asyncio.sleep(LOOK.total_seconds())
        now, stamps = clock.now(), _stamps(files)
        ours = files.certificate is None
        if stamps == seen and not (ours and now - made >= RENEW_AFTER):
            continue
        try:
            load(context, files, node_name=node_name, address=address, now=now)
        except TlsError as error:
            log.warning("going on with the old certificate: %s", error)
        else:
            log.info("the kubelet API has a new certificate")
            seen, made = stamps, now


def _stamps(files: TlsFiles) -> list[tuple[int, int] | None]:
    """What changes when a file does; None for one that is not there (for now)."""
    return [_stamp(path) for path in (files.certificate, files.key, files.client_ca) if path is not None]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
