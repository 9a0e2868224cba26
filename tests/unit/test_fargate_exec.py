"""Commands by ECS Exec: the provider against the fake, over the data channel of Session Manager."""

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from fakes.cloud.settings import CloudSettings, Latency
from providers import pods
from providers.base import TerminalSize
from providers.data import PodData
from providers.errors import NotFound, Retryable, Unsupported
from providers.fargate.commands import Marked, _handshake, wrapped
from tests.unit.fargate_setting import a_pod
from tests.unit.test_fargate_provider import Setting, in_virtual_time, scripted
from wire import ssm
from wire.ssm import Message


class Terminal:
    """A user's end: what is typed, and what was shown."""

    def __init__(self, *typed: bytes, tty: bool = False) -> None:
        self.tty = tty
        self.shown = b""
        self._typed = typed

    async def stdin(self) -> AsyncIterator[bytes]:
        for each in self._typed:
            yield each

    async def write_stdout(self, data: bytes) -> None:
        self.shown += data

    async def write_stderr(self, data: bytes) -> None:
        raise AssertionError("ECS Exec has no errors apart from output")

    async def resizes(self) -> AsyncIterator[TerminalSize]:
        yield TerminalSize(100, 40)


async def a_running_pod(setting: Setting, pod: Any | None = None, **config: Any) -> Any:
    """A pod with ECS Exec."""
    await setting.provider.close()
    setting.provider = setting.new_provider(EnableExec=True, **config)
    await setting.provider.start()
    pod = a_pod() if pod is None else pod
    await setting.running(pod)
    return pod


async def execute(setting: Setting, pod: Any, *command: str, io: Terminal) -> int:
    return await setting.provider.exec_in_container(pods.ref(pod), "main", command, io)


@in_virtual_time
async def test_a_command_has_its_exit_code_and_nothing_else_is_shown(setting: Setting):
    pod, io = await a_running_pod(setting), Terminal()
    assert await execute(setting, pod, "sh", "-c", "echo one; echo two; exit 3", io=io) == 3
    assert io.shown == b"one\ntwo\n"


@in_virtual_time
async def test_a_command_sees_also_the_secrets_of_its_container(setting: Setting):
    pod = a_pod(container={"env": [{"name": "PASSWORD", "value": "x y"}]})
    await setting.provider.close()
    setting.provider = setting.new_provider(EnableExec=True, SecretsPath="/vk")
    await setting.provider.start()
    await setting.provider.create_pod(pod, PodData(secret_env=frozenset({("main", "PASSWORD")})))
    await asyncio.sleep(10)
    io = Terminal()
    assert await execute(setting, pod, "printenv", "PASSWORD", io=io) == 0
    assert io.shown == b"x y\n"


@in_virtual_time
async def test_output_without_an_end_of_line_is_shown_as_it_is(setting: Setting):
    pod, io = await a_running_pod(setting), Terminal()
    assert await execute(setting, pod, "echo", "-n", "no end", io=io) == 0
    assert io.shown == b"no end"


@in_virtual_time
async def test_words_with_blanks_and_quotes_arrive_as_they_are(setting: Setting):
    pod, io = await a_running_pod(setting), Terminal()
    await execute(setting, pod, "echo", "it's", 'a "b"  c', io=io)
    assert io.shown == b'it\'s a "b"  c\n'


@in_virtual_time
async def test_input_goes_to_the_command_and_ends(setting: Setting):
    pod, io = await a_running_pod(setting), Terminal(b"first\nsec", b"ond")
    assert await execute(setting, pod, "cat", io=io) == 0
    assert io.shown == b"first\nsecond"


@in_virtual_time
async def test_a_user_with_a_terminal_sees_what_a_terminal_shows(setting: Setting):
    pod, io = await a_running_pod(setting), Terminal(tty=True)
    await execute(setting, pod, "echo", "hello", io=io)
    assert io.shown == b"hello\r\n"


@in_virtual_time
async def test_a_command_that_is_not_there_ends_with_127(setting: Setting):
    pod, io = await a_running_pod(setting), Terminal()
    assert await execute(setting, pod, "nothing", io=io) == 127


@in_virtual_time
async def test_a_command_ends_with_137_when_its_container_ends(setting: Setting):
    pod = await a_running_pod(setting)
    running = asyncio.create_task(execute(setting, pod, "sleep", "infinity", io=Terminal()))
    await asyncio.sleep(3)
    await setting.provider.delete_pod(pod)
    assert await running == 137


@in_virtual_time
async def test_a_user_who_hangs_up_leaves_nothing_behind(setting: Setting):
    pod = await a_running_pod(setting)
    before = len(asyncio.all_tasks())
    running = asyncio.create_task(execute(setting, pod, "sleep", "infinity", io=Terminal()))
    await asyncio.sleep(3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.sleep(1)
    assert len(asyncio.all_tasks()) == before


@in_virtual_time
async def test_the_containers_agent_is_waited_for(setting: Setting):
    setting.backend.model.settings = CloudSettings(latencies={"agent": Latency(12)})
    pod, io = await a_running_pod(setting), Terminal()
    assert await execute(setting, pod, "true", io=io) == 0


@in_virtual_time
async def test_an_agent_that_never_comes_is_given_up(setting: Setting):
    setting.backend.model.settings = CloudSettings(latencies={"agent": Latency(900)})
    pod = await a_running_pod(setting)
    with pytest.raises(Retryable, match="TargetNotConnected"):
        await execute(setting, pod, "true", io=Terminal())


@in_virtual_time
async def test_a_task_that_was_started_without_exec_says_how_to_have_it(setting: Setting):
    pod = a_pod()
    await setting.running(pod)
    with pytest.raises(Unsupported, match="EnableExec"):
        await execute(setting, pod, "true", io=Terminal())


@in_virtual_time
async def test_no_command_runs_in_a_container_that_is_not_there_or_has_ended(setting: Setting):
    pod = await a_running_pod(setting, scripted(run_for=1))
    with pytest.raises(NotFound, match="does not run"):
        await execute(setting, pod, "true", io=Terminal())
    with pytest.raises(NotFound, match="no container 'other'"):
        await setting.provider.exec_in_container(pods.ref(pod), "other", ["true"], Terminal())


def test_the_command_is_not_told_apart_by_where_its_pieces_are_cut():
    whole = b"vk-begin-m\r\nhello\r\nvk-end-mine\r\nvk-end-m:42\r\n"
    for cut in range(1, len(whole)):
        output = Marked("m")
        shown = output.shown(whole[:cut], tty=False) + output.shown(whole[cut:], tty=False)
        assert (shown, output.code) == (b"hello\nvk-end-mine\n", 42), cut


def test_line_ends_stay_where_the_terminal_leaves_them_alone():
    output = Marked("m")
    assert output.shown(b"vk-begin-m\na\r\nb\nvk-end-m:0\n", tty=False) == b"a\r\nb\n"


def test_what_is_said_before_the_command_is_not_its_output():
    output = Marked("m")
    assert output.shown(b"sh: stty: not found\r\nvk-begin-m\r\nvk-end-m:0\r\n", tty=False) == b""
    assert output.refusal == ""


def test_a_terminals_shell_is_left_as_it_is():
    assert "stty" in wrapped(["ls"], "m", tty=False)
    assert "stty" not in wrapped(["bash"], "m", tty=True)


def test_encryption_by_a_key_is_answered_as_not_supported():
    wanted = [{"ActionType": "SessionType"}, {"ActionType": "KMSEncryption"}]
    request = Message(ssm.OUTPUT, json.dumps({"RequestedClientActions": wanted}).encode())
    answer = json.loads(_handshake(request))
    assert [each["ActionStatus"] for each in answer["ProcessedClientActions"]] == [1, 3]
    assert answer["Errors"] == ["KMSEncryption is not supported"]


def test_messages_out_of_order_are_put_back():
    sender, receiver = ssm.Channel(ssm.OUTPUT, Random(1)), ssm.Channel(ssm.INPUT, Random(2))
    first, second = (ssm.decoded(sender.data(each, 0)) for each in (b"a", b"b"))
    assert [each.payload for raw in (second, first) for each in receiver.received(raw)] == [b"a", b"b"]
