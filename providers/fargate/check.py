"""What ``runner check`` says of AWS before the first pod: a line for each thing looked at, with the remedy."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from providers.base import Finding
from providers.errors import NotFound, ProviderError
from providers.fargate.client import FargateClient
from providers.fargate.config import FargateConfig
from providers.fargate.failures import Denied

TASKS = "ecs-tasks.amazonaws.com"
FEW_ADDRESSES = 16
"""A subnet with fewer left is told; each task takes one."""
TRUST = f"it must trust {TASKS}: aws iam update-assume-role-policy --role-name"


async def findings(client: FargateClient, config: FargateConfig) -> list[Finding]:
    """What was found; changes nothing."""
    found = [await _cluster(client, config)]
    if found[0].verdict == "missing":  # nothing else can be asked
        return found
    found += await _asked("subnets", "ec2:DescribeSubnets", partial(_network, client, config))
    for what, arn in (("execution role", config.execution_role), ("task role", config.task_role)):
        if arn:
            found += await _asked(what, "iam:GetRole", partial(_role, client, what, arn))
    if not config.execution_role:
        told = "none: no images from ECR, no logs, no secrets; set ExecutionRoleArn"
        found.append(Finding("execution role", "warning", told))
    if config.enable_exec and not config.task_role:
        told = "none: commands run only in pods that name one with ssmmessages:*Channel; set TaskRoleArn"
        found.append(Finding("task role", "warning", told))
    return found + await _asked("log group", "logs:DescribeLogGroups", partial(_log_group, client, config))


async def _asked(what: str, action: str, ask: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """What an answer shows; that there is none is a warning, as pods may run all the same."""
    try:
        return await ask()
    except Denied:
        return [Finding(what, "warning", f"cannot be looked at; let the runner's role do {action}")]
    except ProviderError as error:
        return [Finding(what, "warning", f"cannot be looked at: {error}")]


async def _cluster(client: FargateClient, config: FargateConfig) -> Finding:
    try:
        status = await client.cluster_status()
    except Denied as error:
        return Finding("cluster", "missing", f"{config.cluster}: AWS refuses these credentials: {error}")
    except ProviderError as error:
        return Finding("cluster", "missing", f"{config.cluster}: {error}; look at Region, Endpoint and the network")
    if status == "ACTIVE":
        return Finding("cluster", "ok", config.cluster)
    return Finding("cluster", "warning", f"{config.cluster}: {status}; the runner makes it when it starts")


async def _network(client: FargateClient, config: FargateConfig) -> list[Finding]:
    subnets = {each["SubnetId"]: each for each in await client.subnets(config.subnets)}
    found = []
    for name in config.subnets:
        if name not in subnets:
            found.append(_missing("subnet", f"{name}: not in this region and account; correct Subnets"))
        elif (left := subnets[name].get("AvailableIpAddressCount", FEW_ADDRESSES)) < FEW_ADDRESSES:
            told = f"{name}: {left} addresses left, a task takes one; name further Subnets"
            found.append(Finding("subnet", "warning", told))
        else:
            found.append(Finding("subnet", "ok", f"{name} ({subnets[name].get('AvailabilityZone', 'no zone')})"))
    networks = {each["VpcId"] for each in subnets.values()}
    if len(networks) > 1:
        told = f"in several VPCs ({', '.join(sorted(networks))}); all Subnets must be in one"
        found.append(_missing("subnets", told))
    return found + await _groups(client, config.security_groups, networks)


async def _groups(client: FargateClient, names: Sequence[str], networks: set[str]) -> list[Finding]:
    if not names:
        return []
    groups = {each["GroupId"]: each for each in await client.security_groups(names)}
    found = []
    for name in names:
        if name not in groups:
            found.append(_missing("security group", f"{name}: not in this region and account; correct SecurityGroups"))
        elif networks and groups[name]["VpcId"] not in networks:
            told = f"{name}: in {groups[name]['VpcId']}, not in the subnets' VPC; correct SecurityGroups"
            found.append(_missing("security group", told))
        else:
            found.append(Finding("security group", "ok", name))
    return found


async def _role(client: FargateClient, what: str, arn: str) -> list[Finding]:
    name = arn.rpartition("/")[2]
    try:
        role = await client.role(name)
    except NotFound:
        return [_missing(what, f"{arn}: there is no such role; make it, and let it trust {TASKS}")]
    if role.get("Arn") != arn:
        return [_missing(what, f"{arn}: the role {name} of this account is {role.get('Arn')}; correct the ARN")]
    if not trusts(role.get("AssumeRolePolicyDocument") or {}):
        return [_missing(what, f"{arn}: tasks cannot take it; {TRUST} {name} --policy-document ...")]
    return [Finding(what, "ok", arn)]


async def _log_group(client: FargateClient, config: FargateConfig) -> list[Finding]:
    group = config.log_group
    if not group:
        return [Finding("log group", "warning", "none: pods have no logs; set CloudWatchLogGroupName")]
    if await client.has_log_group(group):
        return [Finding("log group", "ok", group)]
    told = f"{group} is not there, tasks cannot start: aws logs create-log-group --log-group-name {group}"
    return [_missing("log group", told)]


def trusts(policy: Mapping[str, Any] | str) -> bool:
    """Whether a role's trust policy lets ECS tasks take the role."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    for each in _listed(document.get("Statement")):
        principal = each.get("Principal") or {}
        services = _listed(principal.get("Service")) if isinstance(principal, Mapping) else [principal]
        actions = _listed(each.get("Action"))
        if (
            each.get("Effect") == "Allow"
            and {TASKS, "*"} & set(services)
            and {"sts:AssumeRole", "sts:*", "*"} & set(actions)
        ):
            return True
    return False


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _missing(what: str, detail: str) -> Finding:
    return Finding(what, "missing", detail)
