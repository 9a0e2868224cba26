"""What a real kube-apiserver answered, word for word, the fake answers too; and the real one still does.

``pytest tests/contract/test_recorded.py -m controlplane --record`` writes down what the real one answers.
"""

import asyncio
import importlib
import json
import re
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
import yaml

from fakes.apiserver import bootstrap
from fakes.apiserver.http import HttpDoor
from fakes.apiserver.rbac import Rbac
from tests.contract.backends import fake_server, now, the_control_plane
from tests.contract.differences import DIFFERENCES
from tests.contract.wire import Ask, record, recorded, wire
from tests.controlplane import TOKEN

SUBJECTS = sorted(each.stem for each in (Path(__file__).parent / "cases").glob("*.py") if each.stem != "bodies")
SECONDS_PER_CASE = 20


def cases() -> Iterator[tuple[str, str, list[Ask]]]:
    for subject in SUBJECTS:
        module = importlib.import_module(f"tests.contract.cases.{subject}")
        for name, case in module.CASES.items():
            yield subject, name, case


ALL = list(cases())


def check(answers: list[object], subject: str, name: str) -> None:
    """Fail with the fields that differ from what is recorded."""
    before, after = (
        json.dumps(_without_prose(each), indent=1, sort_keys=True, ensure_ascii=False).splitlines()
        for each in (recorded(subject).get(name), answers)
    )
    difference = "\n".join(unified_diff(before, after, "recorded", "answered", n=2, lineterm=""))
    assert not difference, f"{subject}: {name}\n{difference}"


GO_DIFF = re.compile(r"\n(@@|changed:).*", re.DOTALL)


def _without_prose(answer: object) -> object:
    """The answer less what is for people only: the descriptions of columns, the diff of an object in a refusal."""
    if isinstance(answer, str):
        return GO_DIFF.sub("", answer)
    if isinstance(answer, list):
        return [_without_prose(each) for each in answer]
    if not isinstance(answer, dict):
        return answer
    kept = {key: _without_prose(value) for key, value in answer.items()}
    for column in kept.get("columnDefinitions") or []:
        column.pop("description", None)
    return kept


def known(subject: str, name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(reason="a known difference", strict=True)] if f"{subject}: {name}" in DIFFERENCES else []


@pytest.mark.parametrize(
    ("subject", "name", "case"),
    [pytest.param(*each, id=f"{each[0]}: {each[1]}", marks=known(*each[:2])) for each in ALL],
)
def test_the_fake_answers_as_recorded(subject: str, name: str, case: list[Ask]) -> None:
    async def play() -> list[object]:
        server = fake_server()
        if subject == "authorization":
            bootstrap.publish_policy(server)
        door = HttpDoor(server, now=now, token=TOKEN, authorizer=Rbac(server))
        port = await door.start()
        try:
            async with wire(f"http://127.0.0.1:{port}", TOKEN) as there, asyncio.timeout(SECONDS_PER_CASE):
                return await there.play(case, "case-1")
        finally:
            await door.stop()

    check(asyncio.run(play()), subject, name)


@pytest.mark.controlplane
@pytest.mark.parametrize(("subject", "name", "case"), [pytest.param(*each, id=f"{each[0]}: {each[1]}") for each in ALL])
def test_the_real_one_answers_as_recorded(
    subject: str, name: str, case: list[Ask], request: pytest.FixtureRequest
) -> None:
    config = yaml.safe_load(the_control_plane().kubeconfig.read_text())
    number = ALL.index((subject, name, case))

    async def play() -> list[object]:
        async with wire(config["clusters"][0]["cluster"]["server"], TOKEN) as server, asyncio.timeout(SECONDS_PER_CASE):
            return await server.play(case, f"case-{number}")

    answers = asyncio.run(play())
    if request.config.getoption("--record", default=False):
        record(subject, name, answers)
    check(answers, subject, name)
