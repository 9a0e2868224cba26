"""Tokens of service accounts for pods' volumes: kept while they are fresh, asked for anew at 80 % of their life."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from providers import pods
from providers.base import Clock
from providers.types import Pod
from runner import kube
from runner.ports import parse_rfc3339
from runner.references import Unreadable
from runner.volumes import TokenNeed, token_needs

TOKEN_SHARE = 0.8
"""A token is asked for anew when this share of its life is over; a kubelet's rule."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A token.

    Attributes:
        value: not shown.
        renew_at: when to ask for the next.
    """

    value: str = field(repr=False)
    renew_at: datetime


class Tokens:
    """The tokens of one node's pods.

    Args:
        api: the cluster.
        clock: tells how old they are.
    """

    def __init__(self, api: kube.KubeApi, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._kept: dict[str, dict[TokenNeed, _Token]] = {}

    async def of(self, pod: Pod) -> tuple[Mapping[TokenNeed, str | Unreadable], datetime | None]:
        """A fresh token, bound to the pod, for each that its volumes want, or why there is none; when to ask again.

        Raises:
            kube.Unavailable: the API server does not answer.
        """
        needs = token_needs(pod)
        if not needs:
            return {}, None
        kept = self._kept.setdefault(pods.uid(pod), {})
        refused: dict[TokenNeed, Unreadable] = {}
        for need in needs:
            if need in kept and self._clock.now() < kept[need].renew_at:
                continue
            try:
                kept[need] = await self._issued(pod, need)
            except kube.Unavailable:
                raise
            except kube.ApiError as error:
                refused[need] = Unreadable(error.message)
        fresh = {need: token.value for need, token in kept.items()}
        return {**fresh, **refused}, min((each.renew_at for each in kept.values()), default=None)

    def forget(self, uid: str) -> None:
        """The pod needs none any more."""
        self._kept.pop(uid, None)

    async def _issued(self, pod: Pod, need: TokenNeed) -> _Token:
        metadata, asked_at = pod["metadata"], self._clock.now()
        holder = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": pods.uid(pod)}
        spec: dict[str, Any] = {"expirationSeconds": need.seconds, "boundObjectRef": holder}
        if need.audience:
            spec["audiences"] = [need.audience]
        answer = await self._api.create(
            kube.SERVICE_ACCOUNTS,
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec},
            metadata.get("namespace", "default"),
            name=pod.get("spec", {}).get("serviceAccountName") or "default",
            subresource="token",
        )
        life = parse_rfc3339(answer["status"]["expirationTimestamp"]) - asked_at
        return _Token(answer["status"]["token"], asked_at + max(life, timedelta(0)) * TOKEN_SHARE)
