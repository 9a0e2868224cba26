"""Keeps the kubelet API's certificate good while it is served, and the authority by which its callers are known.

Files that change (a Secret's do when it is updated) are loaded again; a certificate that we made ourselves is replaced
before it expires. New connections get the new one, those that are open go on.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from providers.base import Clock
from runner.kubelet.tls import VALIDITY, ServerContext, TlsError, TlsFiles, load_authority, load_certificate

LOOK = timedelta(minutes=1)
"""How often the files are looked at."""
RENEW_AFTER = VALIDITY * 0.8

log = logging.getLogger(__name__)


async def keep_certificate(
    context: ServerContext, files: TlsFiles, *, node_name: str, address: str, clock: Clock
) -> None:
    """Have the context serve what is new, until cancelled. What cannot be loaded is logged; the old stays.

    Args:
        context: what ``server_context`` made of the same files.
        files: the operator's.
        node_name: for a certificate of our own.
        address: for it, too.
        clock: dates it.
    """
    paths = [path for path in (files.certificate, files.key) if path is not None]
    seen, made = _stamps(paths), clock.now()
    while True:
        await asyncio.sleep(LOOK.total_seconds())
        now, stamps = clock.now(), _stamps(paths)
        if stamps == seen and (paths or now - made < RENEW_AFTER):
            continue
        try:
            load_certificate(context, files, node_name=node_name, address=address, now=now)
        except TlsError as error:
            log.warning("going on with the old certificate: %s", error)
        else:
            log.info("the kubelet API has a new certificate")
            seen, made = stamps, now


async def keep_authority(context: ServerContext, files: TlsFiles) -> None:
    """Know callers by the CA that is in its file now, and by no earlier one, until cancelled."""
    paths = [path for path in (files.client_ca,) if path is not None]
    seen = _stamps(paths)
    while paths:
        await asyncio.sleep(LOOK.total_seconds())
        stamps = _stamps(paths)
        if stamps == seen:
            continue
        try:
            load_authority(context, files)
        except TlsError as error:
            log.warning("going on with the old CA for callers: %s", error)
        else:
            log.info("the kubelet API knows its callers by a new CA")
            seen = stamps


def _stamps(paths: Iterable[Path]) -> list[tuple[int, int] | None]:
    """What changes when a file does; None for one that is not there (for now)."""
    return [_stamp(path) for path in paths]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
