"""What the operator wants, out of flags, environment and files: parsed once, into frozen objects.

Virtual Kubelet's names are kept. A flag wins over an environment variable.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from providers.durations import parse_seconds
from providers.types import Taint
from runner.config import PROVIDER_TAINT_KEY, RunnerConfig

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
REACH_SECONDS = 5.0
"""How long the API server is tried at the start, where ``--startup-timeout`` does not say."""
SHORTEST_LEASE = timedelta(seconds=1)
"""A lease counts whole seconds."""
RENEWALS_PER_LEASE = 4

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUALIFIED = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


class WrongUsage(ValueError):
    """A flag, an environment variable or a file that one of them names is wrong. The message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One run of the runner.

    Attributes:
        provider: its name in the registry.
        provider_config: its configuration file.
        kubeconfig: None for the usual places.
        startup_timeout: by when the node must be ready; None: no limit, but the API server must answer within seconds;
            zero: no limit at all.
        address: where the kubelet API listens.
        certificate: its TLS certificate; None for a self-signed one.
        key: the certificate's private key.
        client_ca: who must have signed the certificates of the kubelet API's callers; None lets everybody call.
        node: the node itself.
    """

    provider: str
    provider_config: Path | None
    kubeconfig: Path | None
    startup_timeout: timedelta | None
    address: str
    certificate: Path | None
    key: Path | None
    client_ca: Path | None
    node: RunnerConfig


def duration(text: str) -> timedelta:
    """Go's way of writing durations: ``1m30s``, ``500ms``, ``0``.

    Raises:
        ValueError: it is none.
    """
    return timedelta(seconds=parse_seconds(text))


def lease(length: timedelta) -> tuple[timedelta, timedelta]:
    """A lease's length, and how often to renew it.

    Raises:
        WrongUsage: a lease cannot be that short.
    """
    if length < SHORTEST_LEASE:
        raise WrongUsage("--lease-duration: must be at least 1s")
    return length, length / RENEWALS_PER_LEASE


def taints(provider: str, key: str | None, environment: Mapping[str, str], *, disabled: bool) -> tuple[Taint, ...]:
    """The node's taint: the provider's name under Virtual Kubelet's key, unless flag or VKUBELET_TAINT_* say otherwise.

    Raises:
        WrongUsage: a part of it is no taint's.
    """
    if disabled:
        return ()
    key = key or environment.get("VKUBELET_TAINT_KEY") or PROVIDER_TAINT_KEY
    value = environment.get("VKUBELET_TAINT_VALUE") or provider
    effect = environment.get("VKUBELET_TAINT_EFFECT") or TAINT_EFFECTS[0]
    if not _QUALIFIED.fullmatch(key):
        raise WrongUsage(f"--taint (VKUBELET_TAINT_KEY): {key!r} is no taint key such as {PROVIDER_TAINT_KEY}")
    if not _LABEL_VALUE.fullmatch(value):
        raise WrongUsage(f"VKUBELET_TAINT_VALUE: {value!r} is no taint value (letters, digits, '-', '_', '.')")
    if effect not in TAINT_EFFECTS:
        raise WrongUsage(f"VKUBELET_TAINT_EFFECT: {effect!r} must be one of {', '.join(TAINT_EFFECTS)}")
    return ({"key": key, "value": value, "effect": effect},)


def labels(pairs: Sequence[str]) -> dict[str, str]:
    """Node labels from ``key=value`` texts.

    Raises:
        WrongUsage: one is not.
    """
    result: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not _QUALIFIED.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
            raise WrongUsage(f"--label: {pair!r} is no label; write key=value, e.g. example.com/team=blue")
        result[key] = value
    return result


def node_name(text: str) -> str:
    """A Node's name.

    Raises:
        WrongUsage: no object can be called that.
    """
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise WrongUsage(f"--nodename: {text!r} must be lower-case letters, digits, '-' and '.', e.g. my-node")
    return text


def ip_address(text: str, flag: str) -> str:
    """An IPv4 or IPv6 address.

    Raises:
        WrongUsage: it is none.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise WrongUsage(f"{flag}: {text!r} is no IP address") from None


def certificate_files(environment: Mapping[str, str]) -> tuple[Path | None, Path | None, Path | None]:
    """Certificate, key and client CA of the kubelet API, from APISERVER_*_LOCATION.

    Raises:
        WrongUsage: a certificate without its key, or the reverse.
    """
    names = ("APISERVER_CERT_LOCATION", "APISERVER_KEY_LOCATION", "APISERVER_CA_CERT_LOCATION")
    certificate, key, client_ca = (Path(environment[name]) if environment.get(name) else None for name in names)
    if (certificate is None) != (key is None):
        raise WrongUsage(f"{names[0]} and {names[1]}: set both, or neither for a self-signed certificate")
    return certificate, key, client_ca


def provider_config(path: Path | None) -> dict[str, Any]:
    """The provider's configuration file, parsed; empty without one.

    Raises:
        WrongUsage: it is not there, or broken.
    """
    from runner.documents import BadDocument, read_mapping  # noqa: PLC0415  (yaml is not needed for --help)

    if path is None:
        return {}
    try:
        return read_mapping(path)
    except BadDocument as error:
        raise WrongUsage(f"--provider-config: {error}") from error
