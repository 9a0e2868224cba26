"""Whatever is done to the fake Azure in whatever order: it answers in Azure's shapes, and its books are right."""

from random import Random
from typing import Any

import pytest

from tests.unit.aci_setting import GROUPS, REGION, Azure, container, group, scripted
from tests.unit.aci_shapes import strictly

NAMES = ("one", "two", "three")
STEPS = 250
EXPECTED = (200, 201, 202, 204, 400, 404, 409, 503)


def any_group(random: Random) -> dict[str, Any]:
    script = {
        "run_for": random.choice([None, 0, 3, 40]),
        "exit_code": random.choice([0, 0, 1]),
        "never_starts": random.choice(["", "", "", "ErrImagePull"]),
        "ends_after": random.choice([0, 0, 5, 100]),
        "log_every": random.choice([None, 1]),
        "create_errors": random.choice([0, 0, 0, 1]),
        "create_error": random.choice(["", "", "timeout"]),
        "delete_errors": random.choice([0, 0, 1]),
    }
    main = scripted(**{name: value for name, value in script.items() if value is not None})
    init = {"name": "init", "properties": {"image": "busybox", "command": ["sh", "-c", "sleep 2; exit 1"]}}
    return group(
        main,
        *random.choice([[], [container("other", command=["sleep", "9"])]]),
        initContainers=random.choice([None, None, [init]]),
        restartPolicy=random.choice(["Always", "OnFailure", "Never"]),
        priority=random.choice([None, "Spot"]),
    )


def step(azure: Azure, random: Random) -> None:
    name = random.choice(NAMES)
    path = f"{GROUPS}/{name}"
    what = random.randrange(12)
    if what <= 2:
        azure.passes(random.choice([0, 1, 11, 30, 400]))
    elif what <= 4:
        checked(azure, "PUT", path, any_group(random))
    elif what == 5:
        checked(azure, "DELETE", path)
    elif what == 6:
        checked(azure, "POST", f"{path}/{random.choice(['start', 'stop', 'restart'])}")
    elif what == 7:
        checked(azure, "PATCH", path, {"tags": {"number": str(random.randrange(9))}})
    elif what == 8:
        checked(azure, "GET", f"{path}/containers/main/logs?tail=3")
    elif what == 9:
        checked(azure, "POST", f"{path}/containers/main/exec", {"command": "/bin/sh"})
    else:
        for each in azure.cloud.groups.store:
            if each.place.name == name and each.provisioning != "Deleting":
                each.advance(azure.time)
                each.evict(azure.time) if what == 10 else each.repair(azure.time, 7)


def checked(azure: Azure, method: str, path: str, body: Any = None) -> None:
    response = azure.ask(method, path, body)
    assert response.status in EXPECTED, response
    if response.status >= 400:
        strictly("CloudErrorBody", response.json()["error"])


def look(azure: Azure) -> None:
    listed = azure.ask("GET", GROUPS).json()
    strictly("ContainerGroupListResult", listed)
    found = [azure.get(each["name"]) for each in listed["value"]]
    for each in found:
        strictly("ContainerGroup", each)
    usages = {
        each["name"]["value"]: each["currentValue"] for each in azure.ask("GET", f"{REGION}/usages").json()["value"]
    }
    assert usages["ContainerGroups"] == len(found)
    cores = {"Regular": 0.0, "Spot": 0.0}
    for each in found:
        cores[each["properties"].get("priority", "Regular")] += len(each["properties"]["containers"])
    assert (usages["StandardCores"], usages["StandardSpotCores"]) == (cores["Regular"], cores["Spot"])


@pytest.mark.parametrize("seed", range(8))
def test_anything_in_any_order(seed: int) -> None:
    random = Random(seed)
    azure = Azure()
    for _ in range(STEPS):
        step(azure, random)
        look(azure)
        if azure.time.hour >= 23:  # the token ends
            break
