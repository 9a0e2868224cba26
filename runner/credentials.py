"""Who we are to the API server: what goes into the Authorization header, now and when it has changed.

Plug-ins and the old ``auth-provider`` are run by ``kubernetes.aio``. It is imported only then: it weighs 20 MiB and a
third of a second, and most clusters give a token or a certificate.
"""

import asyncio
import base64
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from providers.base import Clock
from runner.ports import parse_rfc3339

RENEW_BEFORE = timedelta(minutes=1)
"""A plug-in's token is renewed this long before it expires."""
RENEW_INTERVAL = timedelta(seconds=10)
"""A plug-in is not run more often than this."""
TOKEN_FILE_INTERVAL = timedelta(minutes=1)
"""How often a token file is read again; a service account's is replaced every hour or so."""

log = logging.getLogger(__name__)


class KubeConfigError(Exception):
    """There is no usable way to the cluster. The message names the file, what is wrong, and the remedy."""


class Credential(Protocol):
    """Something that the API server knows us by."""

    async def header(self) -> str | None:
        """The Authorization header of the next request; None for none. Raises KubeConfigError if it is lost."""
        ...


class Fixed:
    """A header that stays."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    async def header(self) -> str | None:
        """It."""
        return self._value


def basic(name: str, password: str) -> Fixed:
    """A user's name and password."""
    return Fixed("Basic " + base64.b64encode(f"{name}:{password}".encode()).decode())


class TokenFile:
    """A token in a file, read again from time to time.

    Raises:
        KubeConfigError: there is none.
    """

    def __init__(self, path: Path, clock: Clock, place: str) -> None:
        self._path = path
        self._clock = clock
        self._place = place
        self._token = self._read()
        self._due = clock.now() + TOKEN_FILE_INTERVAL

    async def header(self) -> str:
        """The token, as it was in the file at most a minute ago."""
        now = self._clock.now()
        if now >= self._due:
            self._due = now + TOKEN_FILE_INTERVAL
            try:
                self._token = self._read()
            except KubeConfigError as error:
                log.warning("going on with the old token: %s", error)
        return f"Bearer {self._token}"

    def _read(self) -> str:
        try:
            token = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KubeConfigError(f"{self._place}: cannot read tokenFile {self._path}: {one_line(error)}") from error
        if not token:
            raise KubeConfigError(f"{self._place}: tokenFile {self._path} is empty; log in to the cluster again")
        return token


class Plugin:
    """An exec plug-in: run at first, and each time that its token is about to expire."""

    def __init__(self, plugin: Mapping[str, Any], place: str, clock: Clock) -> None:
        self._plugin = plugin
        self._place = f"{place}: exec plug-in {plugin.get('command')!r}"
        self._clock = clock
        self._token: str | None = None
        self._expires: datetime | None = None
        self._ran = clock.now()
        self._running = asyncio.Lock()

    async def first_user(self) -> dict[str, Any]:
        """What it says of us as fields of a kubeconfig's user: a certificate, or nothing beside the header.

        Raises:
            KubeConfigError: the plug-in failed, or gave nothing that is still good.
        """
        status = await self._run()
        if self._expires is not None and self._expires <= self._clock.now():
            raise KubeConfigError(f"{self._place}: its credential expired at {self._expires:%Y-%m-%d %H:%M} UTC")
        if self._token:
            return {}
        fields = {"clientCertificateData": "client-certificate-data", "clientKeyData": "client-key-data"}
        if not all(status.get(field) for field in fields):
            raise KubeConfigError(f"{self._place}: it gave neither a token nor a client certificate with its key")
        return {name: base64.b64encode(status[field].encode()).decode() for field, name in fields.items()}

    async def header(self) -> str | None:
        """The plug-in's token, a new one if the last is about to expire."""
        if self._due():
            async with self._running:
                if self._due():
                    try:
                        await self._run()
                    except KubeConfigError as error:
                        log.warning("cannot renew the credential: %s", error)
        return f"Bearer {self._token}" if self._token else None

    def _due(self) -> bool:
        if self._expires is None:
            return False
        now = self._clock.now()
        return now >= self._expires - RENEW_BEFORE and now >= self._ran + RENEW_INTERVAL

    async def _run(self) -> Mapping[str, Any]:
        from kubernetes.aio.config import ConfigException  # noqa: PLC0415  (see the module's docstring)
        from kubernetes.aio.config.exec_provider import ExecProvider  # noqa: PLC0415
        from kubernetes.aio.config.kube_config import ConfigNode  # noqa: PLC0415

        self._ran = self._clock.now()
        try:
            status: Mapping[str, Any] = await ExecProvider(ConfigNode("exec", self._plugin)).run()  # type: ignore[no-untyped-call]
            expires = status.get("expirationTimestamp")
            self._expires = parse_rfc3339(expires) if expires else None
        except (ConfigException, OSError, AttributeError, TypeError, ValueError) as error:
            raise KubeConfigError(f"{self._place} failed: {one_line(error)}") from error
        self._token = status.get("token") or self._token
        return status


async def of_auth_provider(user: Mapping[str, Any], cluster: Mapping[str, Any], place: str) -> Credential:
    """What an ``auth-provider`` of old (oidc, gcp) gives.

    Raises:
        KubeConfigError: it gives nothing.
    """
    from kubernetes.aio.client import Configuration  # noqa: PLC0415  (see the module's docstring)
    from kubernetes.aio.config import load_kube_config_from_dict  # noqa: PLC0415

    config = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": dict(cluster)}],
        "users": [{"name": "it", "user": dict(user)}],
    }
    configuration = Configuration()
    try:
        await load_kube_config_from_dict(config, client_configuration=configuration)  # type: ignore[no-untyped-call]
    except Exception as error:  # a dozen kinds, by the way in: gcp and oidc have their own libraries
        raise KubeConfigError(f"{place}: auth-provider: {one_line(error)}") from error
    return Fixed(await configuration.get_api_key_with_prefix("BearerToken"))


def one_line(error: Exception) -> str:
    """An error's words without line breaks."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
