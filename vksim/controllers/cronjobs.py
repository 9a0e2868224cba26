"""CronJobs: Jobs by the clock (kube-controller-manager's cronjob-controller)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from providers.types import KubeObject
from runner import kube
from runner.ports import parse_rfc3339, rfc3339
from vksim.controllers import job_state
from vksim.controllers.base import Controller, Setting
from vksim.controllers.pods import owner_reference
from vksim.controllers.resources import CRON_JOBS, JOBS

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
TOO_MANY = 100
"""So many missed times are a sign that a clock is wrong: they are told."""


class CronJobController(Controller):
    """Starts Jobs when they are due, and keeps so many of them as is wanted."""

    name = "cronjob-controller"
    resource = CRON_JOBS

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._jobs = setting.views.of(JOBS)
        self.follow(JOBS)

    async def sync(self, obj: KubeObject) -> None:
        """Note what has ended, start what is due, set the clock for the next time."""
        if "deletionTimestamp" in obj["metadata"]:
            return
        owned = self._jobs.owned_by(obj["metadata"]["uid"])
        obj = await self._note(obj, owned)
        await self._clean_up(obj, owned)
        spec, now = obj["spec"], self.setting.now()
        if spec.get("suspend"):
            return
        try:
            due, missed, following = times(obj, now)
        except ValueError as error:
            self.tell(obj, "UnparseableSchedule", str(error), warning=True)
            return
        if missed > TOO_MANY:
            self.tell(obj, "TooManyMissedTimes", f"too many missed start times: {missed}", warning=True)
        if due is not None:
            await self._start(obj, owned, due, now)
        if following is not None:
            self.again(obj, max(0.0, (following - now).total_seconds()))

    async def _start(self, obj: KubeObject, owned: Sequence[KubeObject], due: datetime, now: datetime) -> None:
        spec, name = obj["spec"], f"{obj['metadata']['name']}-{int(due.timestamp()) // 60}"
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and due + timedelta(seconds=deadline) < now:
            self.tell(obj, "MissSchedule", f"Missed scheduled time to start a job: {rfc3339(due)}", warning=True)
            return
        if self._jobs.get(obj["metadata"]["namespace"], name) is not None:
            return
        active = [each for each in owned if not job_state.is_finished(each)]
        if active and spec["concurrencyPolicy"] == "Forbid":
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.tell(obj, "JobAlreadyActive", message)
            return
        if spec["concurrencyPolicy"] == "Replace":
            for each in active:
                await self._delete(obj, each)
        job = self._job(obj, name, due)
        try:
            created = await self.api.create(JOBS, job, obj["metadata"]["namespace"])
        except kube.AlreadyExists:
            return
        except kube.ApiError as error:
            self.tell(obj, "FailedCreate", f"Error creating job: {error}", warning=True)
            raise
        self._jobs.wrote(created)
        self.tell(obj, "SuccessfulCreate", f"Created job {name}")
        live = self.view.objects.get(obj["metadata"]["uid"], obj)
        active_now = [_reference(each) for each in (*active, created)]
        await self.write_status(live, {"lastScheduleTime": rfc3339(due), "active": active_now})

    def _job(self, obj: KubeObject, name: str, due: datetime) -> dict[str, Any]:
        template = obj["spec"]["jobTemplate"]
        meta = template.get("metadata") or {}
        annotations = {**(meta.get("annotations") or {}), SCHEDULED_AT: rfc3339(due)}
        metadata = {"name": name, "labels": meta.get("labels") or {}, "annotations": annotations}
        return {
            "metadata": {**metadata, "ownerReferences": [owner_reference(obj, self.resource)]},
            "spec": template["spec"],
        }

    async def _note(self, obj: KubeObject, owned: Sequence[KubeObject]) -> KubeObject:
        """Bring the list of active Jobs and the last success up to date."""
        status = obj.get("status") or {}
        for each in status.get("active") or ():
            job = next((one for one in owned if one["metadata"]["uid"] == each["uid"]), None)
            if job is not None and job_state.is_finished(job):
                outcome = "Complete" if _succeeded(job) else "Failed"
                self.tell(obj, "SawCompletedJob", f"Saw completed job: {each['name']}, condition: {outcome}")
        active = [_reference(each) for each in owned if not job_state.is_finished(each)]
        ends = [each["status"]["completionTime"] for each in owned if _succeeded(each)]
        known = status.get("lastSuccessfulTime")
        last = max([*ends, *([known] if known else [])], default=None)
        return await self.write_status(obj, {"active": active or None, "lastSuccessfulTime": last})

    async def _clean_up(self, obj: KubeObject, owned: Sequence[KubeObject]) -> None:
        """Delete finished Jobs beyond the limits, the oldest first."""
        finished = [each for each in owned if job_state.is_finished(each)]
        for succeeded, limit in ((True, "successfulJobsHistoryLimit"), (False, "failedJobsHistoryLimit")):
            kind = sorted((each for each in finished if _succeeded(each) is succeeded), key=_started)
            for each in kind[: max(0, len(kind) - obj["spec"].get(limit, len(kind)))]:
                await self._delete(obj, each)

    async def _delete(self, obj: KubeObject, job: KubeObject) -> None:
        metadata = job["metadata"]
        with suppress(kube.NotFound):
            await self.api.delete(
                JOBS,
                metadata["name"],
                metadata["namespace"],
                uid=metadata["uid"],
                propagation_policy="Background",
            )
        self._jobs.lost(job)
        self.tell(obj, "SuccessfulDelete", f"Deleted job {metadata['name']}")


class TtlController(Controller):
    """Deletes finished Jobs after their ``ttlSecondsAfterFinished``."""

    name = "ttl-after-finished-controller"
    resource = JOBS

    async def sync(self, obj: KubeObject) -> None:
        """Delete it, or look again when it is time."""
        ttl = obj["spec"].get("ttlSecondsAfterFinished")
        if ttl is None or not job_state.is_finished(obj) or "deletionTimestamp" in obj["metadata"]:
            return
        final = next(each for each in obj["status"]["conditions"] if each["type"] in ("Complete", "Failed"))
        due = parse_rfc3339(final["lastTransitionTime"]) + timedelta(seconds=ttl)
        left = (due - self.setting.now()).total_seconds()
        if left > 0:
            self.again(obj, left)
            return
        metadata = obj["metadata"]
        with suppress(kube.NotFound):
            await self.api.delete(
                JOBS,
                metadata["name"],
                metadata["namespace"],
                uid=metadata["uid"],
                propagation_policy="Foreground",
            )


def times(obj: Mapping[str, Any], now: datetime) -> tuple[datetime | None, int, datetime | None]:
    """The latest time that is due and was not served, how many there were, and the next one.

    Raises:
        ValueError: the schedule or the time zone cannot be read.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415  (half a MiB that few clusters need)

    from cronsim import CronSim, CronSimError  # noqa: PLC0415  (as above)

    spec, status = obj["spec"], obj.get("status") or {}
    try:
        zone = ZoneInfo(spec.get("timeZone") or "Etc/UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"invalid timeZone: {spec['timeZone']!r}") from None
    since = parse_rfc3339(status.get("lastScheduleTime") or obj["metadata"]["creationTimestamp"])
    deadline = spec.get("startingDeadlineSeconds")
    if deadline is not None:
        since = max(since, now - timedelta(seconds=deadline))
    try:
        schedule = CronSim(_plain(spec["schedule"]), since.astimezone(zone))
    except CronSimError as error:
        raise ValueError(f"unparseable schedule: {spec['schedule']!r} : {error}") from None
    due, missed = None, 0
    for moment in schedule:
        if moment > now:
            return due, missed, moment
        due, missed = moment, missed + 1
    return due, missed, None


_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


def _plain(schedule: str) -> str:
    return _NAMED.get(schedule, schedule)


def _succeeded(job: Mapping[str, Any]) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)


def _started(job: Mapping[str, Any]) -> tuple[str, str]:
    metadata = job["metadata"]
    return (job.get("status") or {}).get("startTime") or metadata["creationTimestamp"], metadata["name"]


def _reference(job: Mapping[str, Any]) -> dict[str, Any]:
    metadata = job["metadata"]
    return {
        "apiVersion": JOBS.api_version,
        "kind": "Job",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }
