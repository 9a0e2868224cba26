"""What can be asked for of container groups, and of the containers in them."""

import base64
import binascii
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import orjson

from fakes.aci import container_rules, defaults, errors, logs, metrics, shapes, validation, values, views
from fakes.aci.group import CREATING, DELETING, PENDING, UPDATING, Group, Place
from fakes.aci.messages import Response, answer
from fakes.aci.network import Addresses, Networks
from fakes.aci.operations import Operation, Operations
from fakes.aci.routes import Call, Route
from fakes.aci.script import Script, Scripts
from fakes.aci.sessions import Sessions
from fakes.aci.store import Store
from fakes.aci.trouble import Trouble
from fakes.cloud.limits import QuotaExceeded
from fakes.cloud.model import CloudModel
from fakes.cloud.settings import FaultKind

IN_GROUP = "/subscriptions/{subscription}/resourcegroups/{group}/providers/microsoft.containerinstance/containergroups"
IN_SUBSCRIPTION = "/subscriptions/{subscription}/providers/microsoft.containerinstance"


class ContainerGroups:
    """The resource type.

    Args:
        model: latencies, quotas, rates.
        networks: the subnets that groups may be in.
        region: the only one there is.
        scripts: how containers behave.
        random: makes IDs.

    Attributes:
        store: the groups.
        starts: resource ID in lower case -> how often such a group was made, or deployed again without a change.
        trouble: what fails because somebody wants it to.
        page_size: groups in one page of a list.
    """

    def __init__(self, model: CloudModel, networks: Networks, region: str, scripts: Scripts, random: Random) -> None:
        self.store = Store()
        self.starts: Counter[str] = Counter()
        self.trouble = Trouble()
        self.page_size = defaults.PAGE_SIZE
        self.sessions = Sessions(region, random)
        self._model = model
        self._networks = networks
        self._region = region
        self._scripts = scripts
        self._random = random
        self._operations = Operations(region)
        self._addresses = Addresses()

    def routes(self) -> list[Route]:
        """What is served."""
        one, kind = f"{IN_GROUP}/{{name}}", "containerGroups"
        container, location = f"{one}/containers/{{container}}", f"{IN_SUBSCRIPTION}/locations/{{location}}"
        return [
            Route("GET", f"{IN_SUBSCRIPTION}/containergroups", "list", kind, "read", self.list),
            Route("GET", IN_GROUP, "list", kind, "read", self.list),
            Route("GET", one, "get", kind, "read", self.get),
            Route("PUT", one, "create", kind, "write", self.put),
            Route("PATCH", one, "update", kind, "write", self.patch),
            Route("DELETE", one, "delete", kind, "delete", self.delete),
            Route("POST", f"{one}/start", "start", kind, "write", self.start),
            Route("POST", f"{one}/stop", "stop", kind, "write", self.stop),
            Route("POST", f"{one}/restart", "restart", kind, "write", self.restart),
            Route("GET", f"{container}/logs", "logs", kind, "read", self.logs),
            Route("POST", f"{container}/exec", "exec", kind, "write", self.exec),
            Route("POST", f"{container}/attach", "attach", kind, "write", self.attach),
            Route(
                "GET",
                f"{one}/outboundnetworkdependenciesendpoints",
                "outbound-dependencies",
                kind,
                "read",
                self.outbound_dependencies,
            ),
            Route("GET", f"{one}/providers/microsoft.insights/metrics", "metrics", "", "read", self.metrics),
            Route("GET", f"{location}/operations/{{operation}}", "poll", "", "read", self.poll),
            Route("GET", f"{location}/operationresults/{{operation}}", "poll", "", "read", self.poll_result),
        ]

    def settle(self, now: datetime) -> None:
        """Let groups go whose time has come."""
        for group in self.store.gone(now):
            self.remove(group, now)

    def remove(self, group: Group, now: datetime) -> None:
        """A group is no longer there."""
        group.gone = True
        self.store.remove(group)
        self.sessions.end(group, now)
        self._model.quotas.release(group.place.id.lower())
        self._addresses.give_back(group.address)
        self._networks.left(group.spec)
        self.trouble.forget(group)

    # --- reading ----------------------------------------------------------------------------------------------------

    def get(self, call: Call) -> Response:
        """One group, with its instance view."""
        return answer(200, self._found(call).view())

    def list(self, call: Call) -> Response:
        """A page of groups, without instance views."""
        page = self.store.page(call.names.get("group", ""), self._after(call), self.page_size)
        for group in page.groups:
            group.advance(call.now)
        body: dict[str, object] = {"value": [orjson.Fragment(each.listed()) for each in page.groups]}
        if page.after is not None:
            token = base64.urlsafe_b64encode(str(page.after).encode()).decode()
            request = call.request
            version = request.query["api-version"]
            body["nextLink"] = f"{request.origin}{request.path}?api-version={version}&$skiptoken={token}"
        return answer(200, body)

    def logs(self, call: Call) -> Response:
        """What a container's last run wrote."""
        group = self._found(call)
        container = group.container(call.names["container"])
        if container is None:
            raise errors.container_not_found(group.place.name, call.names["container"])
        if not container.ran:
            if group.provisioning in (PENDING, CREATING):
                raise errors.transitioning(group.place.name)
            raise errors.no_log_yet(group.place.name, container.name)
        return answer(200, {"content": logs.content(container, call.request.query, call.now)})

    def metrics(self, call: Call) -> Response:
        """What the group uses."""
        return answer(200, metrics.answer(self._found(call), call.request.query, call.now))

    def outbound_dependencies(self, call: Call) -> Response:
        """Always none."""
        self._found(call)
        return answer(200, [])

    # --- changing ---------------------------------------------------------------------------------------------------

    def put(self, call: Call) -> Response:
        """Create a group, or replace one."""
        place = Place(call.names["subscription"], self._networks.resource_group(call), call.names["name"])
        spec = shapes.decode(call.request.body, shapes.ContainerGroup)
        self._check_location(spec)
        validation.check(place.name, spec)
        self._networks.check(spec, place.name, call)
        scripts = [self._scripts(spec, each) for each in shapes.containers(spec)]
        group = self._replaceable(place, spec, call.now)
        script = _leading(spec, scripts)
        trouble = self.trouble.of_create(group, spec, script)
        if trouble is not None and not script.is_done_anyway:
            raise trouble
        self._check_capacity(call, spec)
        self._reserve(group, spec)
        exists = self.store.find(place) is group
        self._deploy(group, spec, scripts, call.now)
        if trouble is not None:
            raise trouble
        response = answer(200 if exists else 201, group.view(), self._begun(call, group))
        return response if script.create_takes is None else replace(response, takes=script.create_takes)

    def patch(self, call: Call) -> Response:
        """Change tags and zones."""
        group = self._found(call)
        changes = shapes.decode(call.request.body, shapes.Update)
        validation.tags(changes.tags)
        group.update(changes)
        return answer(200, group.view())

    def delete(self, call: Call) -> Response:
        """Delete a group: at once, or if it is being provisioned, after a while."""
        self._networks.resource_group(call)
        group = self._look(call)
        if group is None:
            return answer(204)
        self._refuse_if_busy(group, call.now)
        trouble = self.trouble.of_delete(group, _leading(group.spec, group.scripts))
        if trouble is not None:
            raise trouble
        view = group.view()
        if self.trouble.ignores_delete():
            return answer(200, view)
        if group.provisioning not in (PENDING, CREATING, UPDATING):
            self.remove(group, call.now)
            return answer(200, view)
        group.delete()
        takes = timedelta(seconds=self._model.takes("transition"))
        group.busy_until = call.now + takes
        self.store.going(group, call.now + takes)
        self.settle(call.now)
        identity = self._guid()
        self._operations.begin(identity, group, call.now, deletes=True)
        return answer(202, headers=self._location(call, identity))

    def start(self, call: Call) -> Response:
        """Start a group that was stopped, or has ended; one that runs is left as it is."""
        group = self._found(call)
        self._refuse_if_busy(group, call.now)
        if not group.ended:
            return answer(204)
        self._check_capacity(call, group.spec)
        group.begin_again(call.now, self._model.takes("provision"))
        self._make_busy(group, call.now)
        identity = self._guid()
        self._operations.begin(identity, group, call.now)
        return answer(202, headers=self._location(call, identity))

    def stop(self, call: Call) -> Response:
        """Tell the containers to end."""
        group = self._found(call)
        self._refuse_if_busy(group, call.now)
        if not group.stopped:
            group.stop(call.now)
        return answer(204)

    def restart(self, call: Call) -> Response:
        """Start all containers of a group again."""
        group = self._found(call)
        self._refuse_if_busy(group, call.now)
        group.begin_again(call.now, self._model.takes("restart"))
        self._make_busy(group, call.now)
        return answer(204, headers=self._begun(call, group))

    # --- streams ----------------------------------------------------------------------------------------------------

    def exec(self, call: Call) -> Response:
        """Where a command can be spoken with."""
        group = self._found(call)
        container = group.container(call.names["container"])
        if container is None:
            raise errors.container_not_found(group.place.name, call.names["container"])
        asked = shapes.decode(call.request.body, shapes.ExecRequest)
        if not (asked.command or "").strip():
            raise errors.invalid("InvalidExecCommand", "The command to execute cannot be empty.")
        if not container.ran:
            raise errors.not_running(group.place.name)
        size = asked.terminal_size or shapes.TerminalSize()
        return answer(200, self.sessions.exec(group, container, asked.command or "", size))

    def attach(self, call: Call) -> Response:
        """Where a container's output can be followed."""
        group = self._found(call)
        container = group.container(call.names["container"])
        if container is None:
            raise errors.container_not_found(group.place.name, call.names["container"])
        if not container.ran:
            raise errors.not_running(group.place.name)
        return answer(200, self.sessions.attach(group, container))

    # --- operations -------------------------------------------------------------------------------------------------

    def poll(self, call: Call) -> Response:
        """How an operation stands."""
        return answer(200, self._operation(call).view())

    def poll_result(self, call: Call) -> Response:
        """202 until an operation is over."""
        return self._operations.result(self._operation(call), self._location(call, call.names["operation"]))

    # --- help -------------------------------------------------------------------------------------------------------

    def _look(self, call: Call) -> Group | None:
        names = call.names
        group = self.store.find(Place(names["subscription"], names["group"], names["name"]))
        if group is not None:
            group.advance(call.now)
        return group

    def _found(self, call: Call) -> Group:
        self._networks.resource_group(call)
        group = self._look(call)
        if group is None:
            raise errors.resource_not_found(errors.GROUP_TYPE, call.names["name"], call.names["group"])
        return group

    def _after(self, call: Call) -> int:
        """Where the page begins."""
        if "group" in call.names:
            self._networks.resource_group(call)
        token = call.request.query.get("$skiptoken")
        if token is None:
            return 0
        try:
            return int(base64.urlsafe_b64decode(token))
        except (ValueError, binascii.Error):
            raise errors.invalid("InvalidSkipToken", f"The skip token '{token}' is invalid.") from None

    def _replaceable(self, place: Place, spec: shapes.ContainerGroup, now: datetime) -> Group:
        """The group that is to be replaced, or a new one."""
        group = self.store.find(place)
        if group is None:
            return self.store.new(place)
        group.advance(now)
        self._refuse_if_busy(group, now)
        changed = validation.immutable(group.spec.properties) != validation.immutable(spec.properties)
        if changed and not group.ended:
            raise errors.invalid_update(place.name)
        return group

    def _refuse_if_busy(self, group: Group, now: datetime) -> None:
        if group.is_busy(now) or group.provisioning == DELETING:
            raise errors.transitioning(group.place.name)

    def _make_busy(self, group: Group, now: datetime) -> None:
        group.busy_until = now + timedelta(seconds=self._model.takes("transition"))

    def _deploy(self, group: Group, spec: shapes.ContainerGroup, scripts: Sequence[Script], now: datetime) -> None:
        """Let a group run this, be it new or not."""
        exists = self.store.find(group.place) is group
        if not exists or group.spec == spec:
            self.starts[group.place.id.lower()] += 1
        if exists:
            self._networks.left(group.spec)
        self._networks.taken(spec)
        takes = self._model.takes("provision")
        asked = _leading(spec, scripts).start_after
        address = group.address or self._addresses.take(private=bool(spec.properties.subnet_ids))
        group.deploy(spec, scripts, address, now, takes if asked is None else asked)
        group.advance(now)
        if not exists:
            self.store.add(group)
        self._make_busy(group, now)

    def _check_location(self, spec: shapes.ContainerGroup) -> None:
        if not spec.location:
            raise errors.location_required()
        if views.region(spec.location) != self._region:
            raise errors.location_not_available(spec.location, [self._region])

    def _check_capacity(self, call: Call, spec: shapes.ContainerGroup) -> None:
        if call.verdict.fault is FaultKind.NO_CAPACITY:
            amounts = container_rules.total(spec.properties.containers or ())
            os_type = spec.properties.os_type or ""
            raise errors.no_capacity(self._region, amounts.cpu or 0, amounts.memory or 0, os_type)

    def _reserve(self, group: Group, spec: shapes.ContainerGroup) -> None:
        try:
            self._model.quotas.take(group.place.id.lower(), _amounts(spec))
        except QuotaExceeded as quota:
            raise errors.quota_reached(self._region, quota) from None

    def _guid(self) -> str:
        return views.guid(f"{self._random.getrandbits(128):032x}")

    def _begun(self, call: Call, group: Group) -> dict[str, str]:
        identity = self._guid()
        self._operations.begin(identity, group, call.now)
        return self._operations.async_header(call.request.origin, call.names["subscription"], identity)

    def _location(self, call: Call, identity: str) -> dict[str, str]:
        return self._operations.location_header(call.request.origin, call.names["subscription"], identity)

    def _operation(self, call: Call) -> Operation:
        found = self._operations.find(call.names["operation"])
        if found is None:
            raise errors.ArmError(404, "OperationNotFound", "The operation was not found.")
        found.group.advance(call.now)
        return found


def _amounts(spec: shapes.ContainerGroup) -> dict[str, float]:
    """What a group takes of which quotas."""
    amounts = container_rules.total(spec.properties.containers or ())
    cores = amounts.cpu or 0.0
    sku = values.same(spec.properties.sku, values.SKUS) or "Standard"
    if sku != "Standard":
        return {f"{sku}ContainerGroups": 1.0, f"{sku}Cores": cores}
    kind = "Spot" if values.same(spec.properties.priority, values.PRIORITIES) == "Spot" else ""
    kind = amounts.gpu.sku if amounts.gpu is not None else kind
    return {"ContainerGroups": 1.0, f"Standard{kind}Cores": cores}


def _leading(spec: shapes.ContainerGroup, scripts: Sequence[Script]) -> Script:
    """The script that says how creates and deletes fare: the first container's."""
    return scripts[len(spec.properties.init_containers or ())]
