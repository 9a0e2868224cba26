"""What a pod needs beside its spec, read from the cluster by the core: the files of its volumes, and registry logins.

A provider cannot reach the API server; these values are all it gets of the pod's Secrets, ConfigMaps and tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume.

    Attributes:
        path: where it lies in the volume, relative, with ``/`` between its parts, never ``..``.
        mode: its permission bits, e.g. ``0o644``.
        data: what is in it; not shown, as it may be secret.
    """

    path: str
    mode: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegistryCredential:
    """A login for an image registry, from one of the pod's ``imagePullSecrets``.

    Attributes:
        server: the registry, as the secret names it.
        username: who logs in.
        password: not shown.
    """

    server: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PodData:
    """A pod's data.

    Attributes:
        files: name of a volume -> its files, sorted by path. It has the volumes whose content the cluster gives
            (configMap, secret, downwardAPI, projected), also those that turn out empty; no others.
        secret_volumes: those of them with anything of a Secret or a token in them.
        registries: logins for the pod's images, in the order of its ``imagePullSecrets``, each server once.
        secret_env: (container, variable) whose value comes from a Secret: clouds that can hide a value hide these.
        late_env: (container, variable) that want the pod's own address, which was not known; they are not in the pod's
            environment. A provider that can set them when the pod starts does so.
    """

    files: Mapping[str, tuple[File, ...]] = field(default_factory=dict)
    secret_volumes: frozenset[str] = frozenset()
    registries: tuple[RegistryCredential, ...] = ()
    secret_env: frozenset[tuple[str, str]] = frozenset()
    late_env: tuple[tuple[str, str], ...] = ()


NO_DATA = PodData()
"""The data of a pod that needs none."""
