"""Where the API server is and who we are: a kubeconfig, or the service account of the pod that we run in.

Read and checked here, in kubectl's ways (several files, of which the first to say something wins; paths relative to the
file); each mistake is one line that names the file and the entry. What is in the Authorization header, and how it
changes, is the business of ``runner.credentials``.
"""

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from cryptography import x509

from providers.base import Clock
from runner.credentials import Credential, Fixed, KubeConfigError, Plugin, TokenFile, basic, of_auth_provider, one_line
from runner.documents import BadDocument, read_mapping

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the cluster's CA."""

SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}
FILE_FIELDS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


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
    source = _joined(paths) if paths else "the pod's service account"
    found = await _from_files(paths, clock) if paths else _from_pod(clock)
    server = str(found.cluster["server"]).rstrip("/")
    tls = _tls(found, source) if server.startswith("https:") else None
    if master_uri:
        server = master_uri.rstrip("/") if "://" in master_uri else f"{urlsplit(server).scheme}://{master_uri}"
        _check_server({"server": server}, "--master-uri (MASTER_URI)")
    return Connection(
        server=server,
        authorization=found.credential.header,
        tls=tls,
        server_hostname=found.cluster.get("tls-server-name"),
        proxy=found.cluster.get("proxy-url") or _environment_proxy(server),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What a kubeconfig or a pod says: the fields of a cluster and of a user, and the user's credential."""

    cluster: Mapping[str, Any]
    user: Mapping[str, Any]
    credential: Credential


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


def _from_pod(clock: Clock) -> _Found:
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{name}") for name in ("HOST", "PORT"))
    authority = SERVICE_ACCOUNT / "ca.crt"
    if not host or not port:
        raise KubeConfigError(
            "no kubeconfig ($KUBECONFIG is not set, ~/.kube/config is not there) and not inside a cluster "
            "($KUBERNETES_SERVICE_HOST is not set); give --kubeconfig"
        )
    if not authority.is_file():
        raise KubeConfigError(f"{authority} is not there: the pod needs a service account with its token mounted")
    cluster = {
        "server": f"https://{f'[{host}]' if ':' in host else host}:{port}",
        "certificate-authority": str(authority),
    }
    return _Found(cluster, {}, TokenFile(SERVICE_ACCOUNT / "token", clock, "the pod's service account"))


# --- from files -----------------------------------------------------------------------------------------------------


async def _from_files(paths: list[Path], clock: Clock) -> _Found:
    source = _joined(paths)
    merged = _merged(paths)
    context_name = merged.get("current-context")
    if not context_name:
        raise KubeConfigError(f"{source}: no current-context; set one with: kubectl config use-context NAME")
    context = _entry(merged, "contexts", context_name, source, "current-context")
    cluster = _entry(merged, "clusters", context.get("cluster"), source, f"context {context_name!r}")
    user_name = context.get("user")
    user = _entry(merged, "users", user_name, source, f"context {context_name!r}") if user_name else {}
    user_place = f"{source}: user {user_name!r}"
    _check_server(cluster, f"{source}: cluster {context['cluster']!r}")
    _check_files(cluster, f"{source}: cluster {context['cluster']!r}")
    _check_files(user, user_place)
    credential: Credential
    match user:
        case {"auth-provider": _}:
            credential = await of_auth_provider(user, cluster, user_place)
        case {"exec": exec_}:
            credential = plugin = Plugin(exec_, user_place, clock)
            user = {**user, **await plugin.first_user()}
        case {"token": token} if token:
            credential = Fixed(f"Bearer {token}")
        case {"tokenFile": file} if file:
            credential = TokenFile(Path(file), clock, user_place)
        case {"username": name, "password": password}:
            credential = basic(name, password)
        case _:
            credential = Fixed(None)
    _check_certificate(user, user_place, clock.now())
    return _Found(cluster, user, credential)


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
        raise KubeConfigError(f"{place}: the client certificate cannot be read: {one_line(error)}") from error
    if not (user.get("client-key-data") or user.get("client-key")):
        raise KubeConfigError(f"{place}: a client certificate without client-key or client-key-data")
    if certificate.not_valid_after_utc <= now:
        end = certificate.not_valid_after_utc
        raise KubeConfigError(f"{place}: the client certificate expired at {end:%Y-%m-%d %H:%M} UTC; get a new one")


# --- TLS ------------------------------------------------------------------------------------------------------------


def _tls(found: _Found, source: str) -> ssl.SSLContext:
    """Whom to trust, and our own certificate.

    Raises:
        KubeConfigError: a certificate or key is none.
    """
    cluster, user = found.cluster, found.user
    try:
        authority = _pem(cluster, "certificate-authority")
        context = ssl.create_default_context(cadata=authority.decode() if authority else None)
        # As Go does it: clusters' own CAs seldom have all that RFC 5280 wants, and Python 3.13 insists on it.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        certificate, key = _pem(user, "client-certificate"), _pem(user, "client-key")
        if certificate and key:
            _load_pair(context, certificate, key)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise KubeConfigError(f"{source}: a certificate or key in it cannot be used: {one_line(error)}") from error
    return context


def _pem(entry: Mapping[str, Any], field: str) -> bytes | None:
    """What a field has as data or in a file."""
    if entry.get(f"{field}-data"):
        return base64.b64decode(entry[f"{field}-data"])
    return Path(entry[field]).read_bytes() if entry.get(field) else None


def _load_pair(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """By way of a file that only we can read, and only for a moment: ``ssl`` takes keys from files alone."""
    with tempfile.NamedTemporaryFile(prefix="client-", suffix=".pem") as file:
        file.write(key + b"\n" + certificate)
        file.flush()
        context.load_cert_chain(file.name)


# --- helpers --------------------------------------------------------------------------------------------------------


def _environment_proxy(server: str) -> str | None:
    """The proxy that HTTPS_PROXY or HTTP_PROXY name for this server, unless NO_PROXY excepts it."""
    parts = urlsplit(server)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies_environment().get(parts.scheme)


def _joined(paths: list[Path]) -> str:
    return os.pathsep.join(map(str, paths))
