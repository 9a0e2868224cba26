"""The kubelet API's certificate changes while it is served (``runner.kubelet.renewal``), in virtual time."""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from runner.kubelet.renewal import RENEW_AFTER, keep_authority, keep_certificate
from runner.kubelet.tls import TlsFiles, server_context
from vksim.loop import VirtualClock, VirtualLoop, run

CA = trustme.CA()


def shown(context: ssl.SSLContext) -> x509.Certificate:
    """The certificate that a client is shown, by a handshake in memory."""
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = context.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server)
    for _ in range(4):
        for side in (theirs, ours):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
    der = theirs.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def names(context: ssl.SSLContext) -> list[str]:
    alternative = shown(context).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return alternative.get_values_for_type(x509.DNSName)


def write(folder: Path, name: str, stamp: int) -> TlsFiles:
    """A pair for that name, in files that were changed at that time."""
    issued = CA.issue_cert(name)
    files = TlsFiles(folder / "tls.crt", folder / "tls.key")
    for path, content in ((files.certificate, issued.cert_chain_pems[0]), (files.key, issued.private_key_pem)):
        assert path is not None
        path.write_bytes(content.bytes())
        os.utime(path, (stamp, stamp))
    return files


def play(files: TlsFiles, scene: Callable[[ssl.SSLContext], Awaitable[None]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        clock = VirtualClock(loop)
        context = server_context(files, node_name="n", address="127.0.0.1", now=clock.now())
        whose = {"node_name": "n", "address": "127.0.0.1"}
        work = [
            asyncio.create_task(keep_certificate(context, files, **whose, clock=clock)),
            asyncio.create_task(keep_authority(context, files)),
        ]
        await asyncio.sleep(0)
        await scene(context)
        assert not work[0].done()
        for each in work:
            each.cancel()

    run(main())


def test_files_that_change_are_loaded_again_within_a_minute(tmp_path: Path) -> None:
    files = write(tmp_path, "old.example", 1)

    async def scene(context: ssl.SSLContext) -> None:
        assert names(context) == ["old.example"]
        write(tmp_path, "new.example", 2)
        await asyncio.sleep(61)
        assert names(context) == ["new.example"]

    play(files, scene)


def test_what_cannot_be_loaded_leaves_the_old_one_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = write(tmp_path, "old.example", 1)

    async def scene(context: ssl.SSLContext) -> None:
        assert files.key is not None
        files.key.unlink()
        await asyncio.sleep(61)
        assert names(context) == ["old.example"]
        write(tmp_path, "new.example", 3)
        await asyncio.sleep(61)
        assert names(context) == ["new.example"]

    play(files, scene)
    assert "going on with the old certificate" in caplog.text


def test_a_pair_of_which_only_half_is_new_is_not_served(tmp_path: Path) -> None:
    files = write(tmp_path, "old.example", 1)

    async def scene(context: ssl.SSLContext) -> None:
        assert files.certificate is not None
        files.certificate.write_bytes(CA.issue_cert("new.example").cert_chain_pems[0].bytes())
        await asyncio.sleep(61)
        assert names(context) == ["old.example"]

    play(files, scene)


def test_after_a_change_of_the_authority_callers_of_the_old_one_are_refused(tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    files = TlsFiles(client_ca=tmp_path / "callers.crt")

    def trust(authority: trustme.CA, stamp: int) -> None:
        authority.cert_pem.write_to_path(tmp_path / "callers.crt")
        os.utime(tmp_path / "callers.crt", (stamp, stamp))

    async def scene(context: ssl.SSLContext) -> None:
        assert (lets_in(context, old), lets_in(context, new)) == (True, False)
        trust(new, 2)
        await asyncio.sleep(61)
        assert (lets_in(context, old), lets_in(context, new)) == (False, True)

    trust(old, 1)
    play(files, scene)


def lets_in(context: ssl.SSLContext, authority: trustme.CA) -> bool:
    """Whether a caller is known by a certificate of that authority."""
    caller = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    caller.check_hostname, caller.verify_mode = False, ssl.CERT_NONE
    authority.issue_cert("caller", common_name="caller").configure_cert(caller)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = context.wrap_bio(to_server, to_client, server_side=True)
    theirs = caller.wrap_bio(to_client, to_server)
    try:
        for _ in range(4):
            for side in (theirs, ours):
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
    except ssl.SSLError:
        return False
    return bool(ours.getpeercert())


def test_our_own_certificate_is_replaced_before_it_expires() -> None:
    async def scene(context: ssl.SSLContext) -> None:
        first = shown(context)
        await asyncio.sleep(RENEW_AFTER.total_seconds() - 120)
        assert shown(context) == first
        await asyncio.sleep(240)
        assert shown(context).not_valid_after_utc > first.not_valid_after_utc + timedelta(days=200)

    play(TlsFiles(), scene)
