"""Brings desired and actual state together: asks ``lifecycle.decide`` what a pod needs, does it, notes how it went.

Pods come from the API (``pod_changed``, ``pod_deleted``) and reports from the provider (``reported``, ``compare``);
both only change the pod's record and, if there is something to do, queue its UID. A task exists for a pod only while
something is being done for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence, Sized
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar, cast

from providers import pods
from providers.base import Approximates, Provider, VolumeUpdates
from providers.errors import Invalid, NotFound, Permanent, ProviderError, Retryable, Unsupported
from providers.types import KubeObject, Pod, PodStatus
from runner import backoff, kube, lifecycle, logs, volumes
from runner import status as statuses
from runner.config import RunnerConfig
from runner.events import NORMAL, WARNING, EventRecorder
from runner.lifecycle import Failure, Presence, Record
from runner.object_watches import ObjectWatches, Watched
from runner.pod_data import KINDS, Given, PodDataSource, references
from runner.ports import Ports
from runner.references import Reference
from runner.workqueue import UNOBSERVED, Observer, WorkQueue

T = TypeVar("T")

RENEWAL_PAUSE = timedelta(minutes=1)
"""How long after a token could not be renewed it is asked for again."""


class Reconciler:
    """Runs the pods of one node.

    Args:
        api: the cluster.
        provider: where the pods run.
        config: the node's.
        ports: time and chance.
        events: tells people.
        log: tells operators.
        observer: is told what the work queue does.
    """

    def __init__(
        self,
        api: kube.KubeApi,
        provider: Provider,
        config: RunnerConfig,
        ports: Ports,
        events: EventRecorder,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        observer: Observer = UNOBSERVED,
    ) -> None:
        self.records: dict[str, Record] = {}
        self._api = api
        self._provider = provider
        # asked once: a look at a protocol costs more than the rest of what is done for a plain pod
        self._volume_updates = provider if isinstance(provider, VolumeUpdates) else None
        self._approximates = provider if isinstance(provider, Approximates) else None
        self._config = config
        self._data = PodDataSource(api, provider, config, ports, log)
        self._watches = ObjectWatches(api, self._data_changed, ports.random, log)
        self._ports = ports
        self._events = events
        self._log = log
        self._open = False
        self._queue: WorkQueue[str] = WorkQueue(self._work, workers=config.pod_sync_workers, observer=observer)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._queue.run()

    def open(self, at_provider: Sequence[Pod]) -> None:
        """Begin, with what the provider had *before* the API's pods were listed.

        In this order a pod that the provider has and the API does not is a left-over, and is ended.
        """
        self._note(at_provider)
        listed = {pods.uid(pod) for pod in at_provider}
        for uid, record in self.records.items():
            if uid not in listed and record.presence is Presence.UNKNOWN:
                record.presence = Presence.ABSENT
            if record.presence is Presence.PRESENT and volumes.are_from_cluster(record.pod):
                record.stale = self._volume_updates is not None
        self._open = True
        self._poke_all()

    def close(self) -> None:
        """Take no more notice: the agent is going down, and the provider may not know it yet."""
        self._open = False
        self._watches.close()
        self._data.close()

    # --- what happens -----------------------------------------------------------------------------------------------

    def pod_changed(self, obj: KubeObject) -> None:
        """The API shows the pod, new or changed."""
        pod = cast("Pod", obj)
        record = self.records.get(pods.uid(pod))
        if record is None:
            # once the provider has been listed, what it has not shown it does not have: only this runner creates there
            presence = Presence.ABSENT if self._open else Presence.UNKNOWN
            self.records[pods.uid(pod)] = Record(pod, presence=presence)
        elif 0 < _version(pod) <= _version(record.pod):
            return  # overtaken by the answer to a write of ours, or that answer once more
        else:
            record.pod = pod
        if pods.is_terminal(pod):
            self._let_go(pods.uid(pod))
        self._enqueue(pods.uid(pod))

    def pod_deleted(self, obj: KubeObject) -> None:
        """The API has the pod no more."""
        pod = cast("Pod", obj)
        record = self.records.get(pods.uid(pod))
        if record is not None:
            record.pod, record.in_api = pod, False
            self._poke(pods.uid(pod))

    def reported(self, at_provider: Pod) -> None:
        """The provider shows the pod's status."""
        uid = pods.uid(at_provider)
        if uid in self.records:
            lifecycle.found(self.records[uid], at_provider)
            self._enqueue(uid)

    def compare(self, at_provider: Sequence[Pod]) -> None:
        """Take in the provider's list: status, left-overs, and what should be there and is not."""
        self._note(at_provider)
        listed = {pods.uid(pod) for pod in at_provider}
        for uid, record in self.records.items():
            if uid not in listed and record.presence is Presence.PRESENT:
                record.suspect = True
        self._poke_all()

    def _note(self, at_provider: Sequence[Pod]) -> None:
        for pod in at_provider:
            record = self.records.get(pods.uid(pod))
            if record is None:
                if not self._is_ours(pod):
                    continue
                self._log.warning("only the provider has it: deleting it there", extra={"pod": pods.ref(pod)})
                record = self.records[pods.uid(pod)] = Record(pod, in_api=False)
            lifecycle.found(record, pod)

    def _is_ours(self, pod: Pod) -> bool:
        """Whether it is for this runner to end a pod that the API has not.

        One of another node, or of a namespace that is not looked at, is not: no view says that it is gone.
        """
        node = pod.get("spec", {}).get("nodeName", self._config.node_name)
        namespace = self._config.namespace
        return node == self._config.node_name and namespace in ("", pods.ref(pod).namespace)

    def _poke_all(self) -> None:
        for uid in list(self.records):
            self._poke(uid)

    # --- what is done about it --------------------------------------------------------------------------------------

    def _enqueue(self, uid: str) -> None:
        """Queue the pod: there will be something to do for it."""
        if self._open:
            self._queue.add(uid)

    def _poke(self, uid: str) -> None:
        """Queue the pod if there is something to do for it now, which is seldom so; set a timer if there will be."""
        if not self._open:
            return
        if self._queue.is_active(uid):
            self._queue.add(uid)
            return
        self._schedule(uid, lifecycle.decide(self.records[uid], self._ports.clock.now()))

    def _schedule(self, uid: str, action: lifecycle.Action) -> None:
        match action:
            case lifecycle.Idle():
                self._queue.forget_delay(uid)
            case lifecycle.Wait(until):
                self._queue.forget_delay(uid)
                self._queue.add_after(uid, (until - self._ports.clock.now()).total_seconds())
            case lifecycle.Forget():
                self._queue.forget_delay(uid)
                self._let_go(uid)
                del self.records[uid]
            case _:
                self._queue.add(uid)

    @property
    def waiting(self) -> Sized:
        """The pods that wait for a worker."""
        return self._queue

    async def _work(self, uid: str) -> None:
        if uid in self.records:
            logs.POD.set(pods.ref(self.records[uid].pod))  # no more than that: timers keep it
        while (record := self.records.get(uid)) is not None:
            action = lifecycle.decide(record, self._ports.clock.now())
            if isinstance(action, lifecycle.Idle | lifecycle.Wait | lifecycle.Forget):
                self._schedule(uid, action)
                return
            await self._perform(record, action)

    async def _perform(self, record: Record, action: lifecycle.Action) -> None:
        try:
            await self._do(record, action)
        except kube.ApiError as error:
            record.write_failure = self._failure(record.write_failure, action, error, error.retry_after)
            self._log.warning("%s failed: %s", _name(action), error)
        except Exception as error:  # noqa: BLE001  (a provider may raise anything; it is told, and tried again)
            self._provider_failed(record, action, error)
        else:
            self._succeeded(record, action)

    async def _do(self, record: Record, action: lifecycle.Action) -> None:
        match action:
            case lifecycle.Create():
                await self._create(record)
            case lifecycle.Update():
                await self._update(record)
            case lifecycle.Refresh():
                await self._refresh(record)
            case lifecycle.Delete(grace):
                await self._delete(record, grace)
            case lifecycle.Look():
                await self._look(record)
            case lifecycle.Report(status):
                await self._report(record, status)
            case lifecycle.Evict():
                await self._evict(record)
            case lifecycle.Remove():
                await self._delete_api_object(record.pod, grace=0)
                record.removed = True

    async def _create(self, record: Record) -> None:
        pod = record.pod
        given = await self._gathered(record)
        for problem in given.problems:
            self._events.tell(pod, WARNING, problem.reason, problem.message)
        if given.fatal:
            raise _MissingReference(given.fatal.message)
        await self._in_time(self._provider.create_pod(given.pod, given.data))
        record.presence, record.applied = Presence.PRESENT, pod
        record.created_at = self._ports.clock.now()
        self._keep_fresh(record, given)
        self._events.tell(pod, NORMAL, "ProviderCreateSuccess", "Create pod in provider successfully")
        if self._approximates is not None:
            for line in self._approximates.approximations(given.pod, given.data):
                self._events.tell(pod, WARNING, "ProviderApproximated", line)

    async def _update(self, record: Record) -> None:
        pod = record.pod
        given = await self._gathered(record)
        if given.fatal:
            raise _MissingReference(given.fatal.message)
        await self._in_time(self._provider.update_pod(given.pod, given.data))
        record.applied = pod
        self._keep_fresh(record, given)
        self._events.tell(pod, NORMAL, "ProviderUpdateSuccess", "Update pod in provider successfully")

    async def _refresh(self, record: Record) -> None:
        """Bring the files of the pod's volumes up to date, if they have changed."""
        given = await self._gathered(record)
        if given.fatal:  # the files stay as they are, as a kubelet leaves them when the source is gone
            self._events.tell(record.pod, WARNING, given.fatal.reason, given.fatal.message)
            if record.refresh_at is not None:
                record.refresh_at = self._ports.clock.now() + RENEWAL_PAUSE
            return
        if self._volume_updates is not None and _content(given) != record.content:
            try:
                await self._in_time(self._volume_updates.update_volumes(given.pod, given.data))
            except Exception:
                record.stale = True
                raise
        self._keep_fresh(record, given)

    async def _gathered(self, record: Record) -> Given:
        """What the provider is to be given. Whatever changes from now on, or comes if it is missing, is noticed."""
        record.stale = False
        if self._volume_updates is not None:  # before the reading, and before a cloud takes its time
            self._watches.want(pods.uid(record.pod), _watched(record.pod, volumes.references(record.pod)))
        try:
            given = await self._data.gather(record.pod)
        except Exception:
            record.stale = True
            raise
        if given.fatal:
            self._watches.want(pods.uid(record.pod), _watched(record.pod, references(record.pod)))
        return given

    def _keep_fresh(self, record: Record, given: Given) -> None:
        """Note what the provider has, and notice when it gets out of date, if the provider can do something then."""
        if self._volume_updates is not None:
            record.content, record.refresh_at = _content(given), given.refresh_at
        else:
            record.stale = False
            self._watches.want(pods.uid(record.pod), ())

    def _let_go(self, uid: str) -> None:
        """The pod is over: nothing of it is to be kept up to date."""
        self._watches.want(uid, ())
        self._data.forget(uid)

    def _data_changed(self, uid: str) -> None:
        """Something that the pod refers to has come, changed or gone."""
        record = self.records.get(uid)
        if record is None:
            return
        record.stale = True
        self._data.outdated(record.pod)
        if record.failure is not None and record.failure.config_error:
            record.failure = replace(record.failure, retry_at=self._ports.clock.now())
        self._poke(uid)

    async def _delete(self, record: Record, grace: int) -> None:
        pod = record.pod
        try:
            await self._in_time(self._provider.delete_pod(_with_grace(pod, grace)))
        except NotFound:
            record.presence = Presence.ABSENT
        record.delete_grace, record.delete_asked_at = grace, self._ports.clock.now()
        if record.in_api:
            self._events.tell(pod, NORMAL, "ProviderDeleteSuccess", "Delete pod in provider successfully")

    async def _look(self, record: Record) -> None:
        try:
            at_provider = await self._in_time(self._provider.get_pod(pods.ref(record.pod)))
        except NotFound:
            lifecycle.missing(record, self._ports.clock.now())
        else:
            lifecycle.found(record, at_provider)

    async def _in_time(self, call: Awaitable[T]) -> T:
        """What the provider answers, if it does so in time; else Retryable."""
        seconds = self._config.provider_timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                return await call
        except TimeoutError as error:
            raise Retryable(f"the provider did not answer within {seconds:.0f} s") from error

    async def _report(self, record: Record, status: PodStatus) -> None:
        pod = record.pod
        patch = statuses.patch(pod, status)
        metadata = pod["metadata"]
        if patch is None:
            record.pod = pods.with_status(pod, status)
            return
        written = await self._api.patch(
            kube.PODS,
            metadata["name"],
            patch,
            metadata.get("namespace"),
            patch_type=kube.PatchType.STRATEGIC,
            subresource="status",
        )
        if _is_older(cast("Pod", written), record.pod):
            return
        record.pod = cast("Pod", written)
        if (left := statuses.patch(record.pod, status)) is not None:
            raise kube.Refused(f"the API server did not take the status as written: {sorted(left['status'])} differ")

    async def _evict(self, record: Record) -> None:
        """Have the API server delete the pod gracefully; its answer shows the pod being deleted."""
        answer = await self._delete_api_object(record.pod, grace=None)
        if answer is None or not pods.is_deleting(cast("Pod", answer)):
            record.in_api = False
        else:
            record.pod = cast("Pod", answer)

    async def _delete_api_object(self, pod: Pod, *, grace: int | None) -> KubeObject | None:
        """Delete the pod from the API; None if it, as the one with this UID, is gone already."""
        metadata = pod["metadata"]
        try:
            return await self._api.delete(
                kube.PODS,
                metadata["name"],
                metadata.get("namespace"),
                grace_period_seconds=grace,
                uid=pods.uid(pod),
            )
        except (kube.NotFound, kube.Conflict):
            return None

    # --- how it went ------------------------------------------------------------------------------------------------

    def _succeeded(self, record: Record, action: lifecycle.Action) -> None:
        self._log.debug("%s done", _name(action))
        if record.failure is not None and record.failure.action is type(action):
            record.failure = None
        if record.write_failure is not None and record.write_failure.action is type(action):
            record.write_failure = None

    def _provider_failed(self, record: Record, action: lifecycle.Action, error: Exception) -> None:
        """Note the failure, tell the pod's owner, and settle what a second try could not change."""
        name = _name(action)
        pod = record.pod
        if not isinstance(error, ProviderError):
            self._log.error("%s: unexpected error", name, exc_info=error)
        else:
            self._log.info("%s failed: %s", name, error)
        final = isinstance(error, Invalid | Permanent | Unsupported)
        asked = error.delay.total_seconds() if isinstance(error, Retryable) and error.delay else None
        failure = self._failure(record.failure, action, error, asked)
        match action:
            case lifecycle.Create():
                record.presence = Presence.ABSENT if isinstance(error, _MissingReference) else Presence.MAYBE
                config_error = isinstance(error, _MissingReference)
                retry_at = None if final else failure.retry_at
                failure = replace(failure, retry_at=retry_at, config_error=config_error)
            case lifecycle.Refresh() if final:
                record.stale, record.refresh_at = False, None
                self._watches.want(pods.uid(pod), ())
                return
            case lifecycle.Update() if final:
                quiet = record.applied is not None and not lifecycle.spec_differs(pod, record.applied)
                record.applied = pod
                if quiet and isinstance(error, Unsupported):
                    return
        record.failure = failure
        if name in _FAILURE_REASONS and record.in_api and not isinstance(error, _MissingReference):
            self._events.tell(pod, WARNING, _FAILURE_REASONS[name], str(error) or type(error).__name__)

    def _failure(
        self, before: Failure | None, action: lifecycle.Action, error: Exception, asked: float | None
    ) -> Failure:
        count = before.count + 1 if before is not None and before.action is type(action) else 1
        seconds = max(backoff.delay(count, self._ports.random), asked or 0.0)
        retry_at = self._ports.clock.now() + timedelta(seconds=seconds)
        return Failure(type(action), str(error) or type(error).__name__, retry_at, count)


_FAILURE_REASONS = {
    "Create": "ProviderCreateFailed",
    "Update": "ProviderUpdateFailed",
    "Delete": "ProviderDeleteFailed",
}


class _MissingReference(ProviderError):
    """The pod needs a ConfigMap or Secret that is not there; nothing was asked of the provider."""


def _name(action: lifecycle.Action) -> str:
    return type(action).__name__


def _is_older(pod: Pod, than: Pod) -> bool:
    """Whether an answer was overtaken by a newer event; versions of one resource are comparable (KEP-5504)."""
    return _version(pod) < _version(than)


def _version(pod: Pod) -> int:
    version = pod["metadata"].get("resourceVersion", "")
    return int(version) if version.isdigit() else 0


def _with_grace(pod: Pod, grace: int) -> Pod:
    return {**pod, "metadata": {**pod["metadata"], "deletionGracePeriodSeconds": grace}}


def _content(given: Given) -> int:
    """What stands for the files of a pod's volumes; it differs when they do."""
    files = given.data.files
    return hash(tuple(files.items())) if files else 0


def _watched(pod: Pod, needed: Sequence[Reference]) -> list[Watched]:
    namespace = pod["metadata"].get("namespace", "default")
    return [Watched(KINDS[each.kind], namespace, each.name) for each in needed]
