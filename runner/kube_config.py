"""Where the API server is and who we are: a kubeconfig, or the service account of the pod that we run in.

``kubernetes.aio`` knows how to make credentials of a kubeconfig. But it takes a missing file for an empty one, logs and
forgets the failure of an exec plug-in, lets the *last* file's current-context win, and reports broken input with a
traceback. So this module reads, merges and checks the files, runs the plug-in, and hands over what is left to do.
"""

import asyncio
import base64
import binascii
import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from cryptography import x509
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config_from_dict
from kubernetes.aio.config.exec_provider import ExecProvider
from kubernetes.aio.config.kube_config import ConfigNode

from providers.base import Clock
from runner.documents import BadDocument, read_mapping
from runner.ports import parse_rfc3339

RENEW_BEFORE = timedelta(minutes=1)
"""A plug-in's token is renewed this long before it expires."""
RENEW_INTERVAL = timedelta(seconds=10)
"""A plug-in is not run more often than this."""
TOKEN_FILE_INTERVAL = timedelta(minutes=1)
"""How often a token file is read again; a service account's is replaced every hour or so."""

SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}
FILE_FIELDS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

log = logging.getLogger(__name__)


class KubeConfigError(Exception):
    """There is no usable way to the cluster. The message names the file, what is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an API server.

    Attributes:
        server: its URL, without a slash at the end.
        authorization: gives the Authorization header for the next request, None where there is none.
        tls: whom to trust, and our client certificate; None for the system's trust.
        server_hostname: the name in the server's certificate, where it is not that of the URL.
        proxy: the URL of an HTTP proxy.
    """

    server: str
    authorization: Callable[[], Awaitable[str | None]]
    tls: ssl.SSLContext | None = None
    server_hostname: str | None = None
    proxy: str | None = None


async def load_connection(kubeconfig: Path | None, clock: Clock, master_uri: str | None = None) -> Connection:
    """The connection that a kubeconfig describes; without one the usual places are searched.

    ``master_uri`` has the API server's URL, or its host with or without a port, where it is another one.

    Raises:
        KubeConfigError: see there.
    """
    paths = _paths(kubeconfig)
    if paths:
        configuration = await _from_files(paths, clock)
        source = _joined(paths)
    else:
        configuration = _from_pod()
        source = "the pod's service account"
    try:
        transport = RESTClientObject(configuration)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise KubeConfigError(f"{source}: a certificate or key in it cannot be used: {error}") from error
    server = str(configuration.host).rstrip("/")
    if master_uri:
        server = master_uri.rstrip("/") if "://" in master_uri else f"{urlsplit(server).scheme}://{master_uri}"
        _check_server({"server": server}, "--master-uri (MASTER_URI)")
    return Connection(
        server=server,
        authorization=_authorization(configuration),
        tls=transport.ssl_context if server.startswith("https:") else None,
        server_hostname=configuration.tls_server_name,
        proxy=configuration.proxy or _environment_proxy(server),
    )


def _authorization(configuration: Configuration) -> Callable[[], Awaitable[str | None]]:
    async def header() -> str | None:
        try:
            value = await configuration.get_api_key_with_prefix("BearerToken", "authorization")
        except (ConfigException, OSError) as error:  # a service account's token file that is gone or empty
            raise KubeConfigError(f"no credential: {_one_line(error)}") from error
        return value.strip() if value else None

    return header


def _paths(kubeconfig: Path | None) -> list[Path]:
    """The files to read; none means: we should be inside a cluster."""
    if kubeconfig is not None:
        return [kubeconfig]
    listed = [Path(each).expanduser() for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    if listed:
        present = [each for each in listed if each.exists()]
        if not present:
            raise KubeConfigError(
                f"{_joined(listed)}: no such file; correct or unset $KUBECONFIG, or give --kubeconfig"
            )
        return present
    try:
        usual = Path.home() / ".kube" / "config"
    except RuntimeError:  # no home directory, as for an unknown user in a container
        return []
    return [usual] if usual.exists() else []


# --- inside a cluster -----------------------------------------------------------------------------------------------


def _from_pod() -> Configuration:
    configuration = Configuration()
    try:
        load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # untyped, as below
    except ConfigException as error:
        raise KubeConfigError(
            "no kubeconfig ($KUBECONFIG is not set, ~/.kube/config is not there) and not inside a cluster "
            f"({_one_line(error)}); give --kubeconfig"
        ) from error
    return configuration


# --- from files -----------------------------------------------------------------------------------------------------


async def _from_files(paths: list[Path], clock: Clock) -> Configuration:
    source = _joined(paths)
    merged = _merged(paths)
    context_name = merged.get("current-context")
    if not context_name:
        raise KubeConfigError(f"{source}: no current-context; set one with: kubectl config use-context NAME")
    context = _entry(merged, "contexts", context_name, source, "current-context")
    cluster = _entry(merged, "clusters", context.get("cluster"), source, f"context {context_name!r}")
    user_name = context.get("user")
    user = _entry(merged, "users", user_name, source, f"context {context_name!r}") if user_name else {}
    _check_server(cluster, f"{source}: cluster {context['cluster']!r}")
    user_place = f"{source}: user {user_name!r}"
    _check_files(cluster, f"{source}: cluster {context['cluster']!r}")
    _check_files(user, user_place)
    hook: _Hook | None = None
    if "exec" in user:
        renewal = _PluginRenewal(user["exec"], user_place, clock)
        user = await renewal.first_user()
        hook = renewal
    elif user.get("tokenFile") and not user.get("token"):
        token_file = _TokenFile(Path(user["tokenFile"]), clock)
        user = {**user, "token": token_file.read(user_place)}
        hook = token_file
    _check_certificate(user, user_place, clock.now())
    configuration = Configuration()
    plain = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    }
    try:
        await load_kube_config_from_dict(plain, client_configuration=configuration)  # type: ignore[no-untyped-call]
    except Exception as error:  # a dozen kinds, by the way in: gcp and oidc have their own libraries
        raise KubeConfigError(f"{source}: {_one_line(error)}") from error
    configuration.refresh_api_key_hook = hook  # type: ignore[assignment]  # declared by its initial None
    return configuration


_Hook = Callable[[Any], Awaitable[None]]
"""What ``kubernetes.aio`` calls, with its configuration, before it takes the token for a request."""


def _merged(paths: list[Path]) -> dict[str, Any]:
    """One configuration of several files, by kubectl's rule: the first to say something wins."""
    merged: dict[str, Any] = {section: [] for section in SECTIONS}
    known: set[tuple[str, str]] = set()
    for path in paths:
        try:
            document = read_mapping(path)
        except BadDocument as error:
            raise KubeConfigError(f"{error}; --kubeconfig and $KUBECONFIG name kubeconfig files") from error
        if document.get("current-context"):
            merged.setdefault("current-context", document["current-context"])
        for section, field in SECTIONS.items():
            for entry in _entries(document, section, path):
                if (section, entry["name"]) not in known:
                    known.add((section, entry["name"]))
                    content = entry.get(field) or {}
                    merged[section].append({"name": entry["name"], field: _absolute(content, path.resolve().parent)})
    return merged


def _entries(document: Mapping[str, Any], section: str, path: Path) -> list[dict[str, Any]]:
    entries = document.get(section) or []
    if not isinstance(entries, list) or not all(isinstance(each, dict) and "name" in each for each in entries):
        raise KubeConfigError(f"{path}: {section} is not a list of entries that have a name; is it a kubeconfig?")
    return entries


def _absolute(content: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The entry with its file names made absolute: they are meant relative to the file that holds them."""
    result = dict(content)
    for field in FILE_FIELDS:
        if result.get(field):
            result[field] = str(base / result[field])
    plugin = result.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):
        result["exec"] = {**plugin, "command": str(base / plugin["command"])}
    return result


def _entry(merged: Mapping[str, Any], section: str, name: Any, source: str, wanted_by: str) -> dict[str, Any]:
    for entry in merged[section]:
        if entry["name"] == name:
            content: dict[str, Any] = entry[SECTIONS[section]]
            return content
    there = ", ".join(str(each["name"]) for each in merged[section]) or "none"
    raise KubeConfigError(
        f"{source}: {wanted_by} names {SECTIONS[section]} {name!r}, which is not there; there are: {there}"
    )


def _check_server(cluster: Mapping[str, Any], place: str) -> None:
    server = urlsplit(str(cluster.get("server") or ""))
    if server.scheme not in ("http", "https") or not server.hostname:
        raise KubeConfigError(f"{place}: server {cluster.get('server')!r} is no URL such as https://host:6443")


def _check_files(entry: Mapping[str, Any], place: str) -> None:
    for field in FILE_FIELDS:
        if entry.get(field) and not entry.get(f"{field}-data") and not Path(entry[field]).is_file():
            raise KubeConfigError(f"{place}: {field} {entry[field]} does not exist; log in to the cluster again")


def _check_certificate(user: Mapping[str, Any], place: str, now: datetime) -> None:
    """Our own certificate, so that its end is told in other words than the server's TLS alert."""
    try:
        if user.get("client-certificate-data"):
            pem = base64.b64decode(user["client-certificate-data"], validate=False)
        elif user.get("client-certificate"):
            pem = Path(user["client-certificate"]).read_bytes()
        else:
            return
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, binascii.Error) as error:
        raise KubeConfigError(f"{place}: the client certificate cannot be read: {_one_line(error)}") from error
    if not (user.get("client-key-data") or user.get("client-key")):
        raise KubeConfigError(f"{place}: a client certificate without client-key or client-key-data")
    if certificate.not_valid_after_utc <= now:
        end = certificate.not_valid_after_utc
        raise KubeConfigError(f"{place}: the client certificate expired at {end:%Y-%m-%d %H:%M} UTC; get a new one")


# --- credentials that change ----------------------------------------------------------------------------------------


class _TokenFile:
    """Reads a token, and reads it again from time to time."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._due = clock.now() + TOKEN_FILE_INTERVAL

    def read(self, place: str) -> str:
        """The token.

        Raises:
            KubeConfigError: there is none.
        """
        try:
            token = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KubeConfigError(f"{place}: cannot read tokenFile {self._path}: {_one_line(error)}") from error
        if not token:
            raise KubeConfigError(f"{place}: tokenFile {self._path} is empty; log in to the cluster again")
        return token

    async def __call__(self, configuration: Any) -> None:
        now = self._clock.now()
        if now < self._due:
            return
        self._due = now + TOKEN_FILE_INTERVAL
        try:
            configuration.api_key["BearerToken"] = f"Bearer {self.read('kubeconfig')}"
        except KubeConfigError as error:
            log.warning("going on with the old token: %s", error)


class _PluginRenewal:
    """Runs an exec plug-in, at first and each time that its token is about to expire."""

    def __init__(self, plugin: Mapping[str, Any], place: str, clock: Clock) -> None:
        self._plugin = plugin
        self._place = f"{place}: exec plug-in {plugin.get('command')!r}"
        self._clock = clock
        self._expires: datetime | None = None
        self._ran = clock.now()
        self._running = asyncio.Lock()

    async def first_user(self) -> dict[str, Any]:
        """The credential as a user entry without a plug-in.

        Raises:
            KubeConfigError: the plug-in failed, or gave nothing that is still good.
        """
        status = await self._run()
        if self._expires is not None and self._expires <= self._clock.now():
            raise KubeConfigError(f"{self._place}: its credential expired at {self._expires:%Y-%m-%d %H:%M} UTC")
        if status.get("token"):
            return {"token": status["token"]}
        fields = {"clientCertificateData": "client-certificate-data", "clientKeyData": "client-key-data"}
        if not all(status.get(field) for field in fields):
            raise KubeConfigError(f"{self._place}: it gave neither a token nor a client certificate with its key")
        return {name: base64.b64encode(status[field].encode()).decode() for field, name in fields.items()}

    async def __call__(self, configuration: Any) -> None:
        if not self._due():
            return
        async with self._running:
            if not self._due():
                return
            try:
                status = await self._run()
            except KubeConfigError as error:
                log.warning("cannot renew the credential: %s", error)
                return
            if status.get("token"):
                configuration.api_key["BearerToken"] = f"Bearer {status['token']}"

    def _due(self) -> bool:
        if self._expires is None:
            return False
        now = self._clock.now()
        return now >= self._expires - RENEW_BEFORE and now >= self._ran + RENEW_INTERVAL

    async def _run(self) -> Mapping[str, Any]:
        self._ran = self._clock.now()
        try:
            status = await ExecProvider(ConfigNode("exec", self._plugin)).run()  # type: ignore[no-untyped-call]
            expires = status.get("expirationTimestamp")
            self._expires = parse_rfc3339(expires) if expires else None
        except (ConfigException, OSError, AttributeError, TypeError, ValueError) as error:
            raise KubeConfigError(f"{self._place} failed: {_one_line(error)}") from error
        found: Mapping[str, Any] = status
        return found


# --- helpers --------------------------------------------------------------------------------------------------------


def _environment_proxy(server: str) -> str | None:
    """The proxy that HTTPS_PROXY or HTTP_PROXY name for this server, unless NO_PROXY excepts it."""
    parts = urlsplit(server)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies_environment().get(parts.scheme)


def _joined(paths: list[Path]) -> str:
    return os.pathsep.join(map(str, paths))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
