"""Commands in containers, over ACI's WebSocket."""

import asyncio

import pytest

from fakes.aci.inprocess import WebSocket
from providers import pods
from providers.aci.exec import _Marked
from providers.errors import NotFound, Unsupported
from tests.unit.aci.setting import Azure, Terminal, a_pod, play


def test_a_command_has_all_its_arguments_its_output_and_its_exit_code() -> None:
    """Virtual Kubelet's provider drops arguments, or joins them with blanks, and tells no exit code."""

    async def story(azure: Azure) -> None:
        pod = await azure.running(a_pod())
        user = Terminal()
        command = ["sh", "-c", "echo 'two  words'; exit 7"]
        assert await azure.provider.exec_in_container(pods.ref(pod), "main", command, user) == 7
        assert user.output == b"two  words\n"

    play(story)


def test_a_program_on_a_terminal_is_started_as_it_is() -> None:
    async def story(azure: Azure) -> None:
        pod = await azure.running(a_pod())
        user = Terminal(b"echo hello\n", b"exit\n", tty=True)
        assert await azure.provider.exec_in_container(pods.ref(pod), "main", ["sh"], user) == 0
        assert b"hello\r\n" in user.output

    play(story)


def test_what_is_typed_for_a_command_with_arguments_on_a_terminal_is_seen() -> None:
    async def story(azure: Azure) -> None:
        pod = await azure.running(a_pod())
        sent: list[bytes | str] = []
        send = WebSocket.send
        monkeypatch.setattr(WebSocket, "send", lambda self, data: (sent.append(data), send(self, data))[1])
        for tty in (True, False):
            await azure.provider.exec_in_container(pods.ref(pod), "main", ["echo", "x"], Terminal(tty=tty))
        lines = [each for each in sent if isinstance(each, bytes)]
        assert [b"stty -echo" in each for each in lines] == [False, True]

    with pytest.MonkeyPatch.context() as monkeypatch:
        play(story)


def test_a_command_that_is_given_up_leaves_nothing_behind() -> None:
    async def story(azure: Azure) -> None:
        pod = await azure.running(a_pod())
        run = azure.provider.exec_in_container(pods.ref(pod), "main", ["sleep", "1000"], Terminal())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await run
        assert len(asyncio.all_tasks()) == 1

    play(story)


def test_a_command_in_a_container_that_is_not_there_is_refused() -> None:
    async def story(azure: Azure) -> None:
        pod = await azure.running(a_pod())
        with pytest.raises(NotFound, match="ContainerNotFound"):
            await azure.provider.exec_in_container(pods.ref(pod), "other", ["true"], Terminal())

    play(story)


def test_what_a_container_writes_can_be_followed() -> None:
    async def story(azure: Azure) -> None:
        pod = a_pod()
        pod["spec"]["containers"][0]["env"] = [{"name": "VKSIM_SCRIPT", "value": '{"log_every": 1}'}]
        await azure.running(pod)
        user = Terminal()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await azure.provider.attach_to_container(pods.ref(pod), "main", user)
        assert user.output.count(b"line ") >= 4

    play(story)


# --- marks ----------------------------------------------------------------------------------------------------------

ECHO = b"/ # stty -echo; echo vk''-begin-x; ls; echo vk''-end-x:$?; exit\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_the_output_lies_between_the_marks_however_it_comes_in_pieces(size: int) -> None:
    data = ECHO + b"vk-begin-x\r\none\r\ntwo\r\nvk-end-x:3\r\n/ # "
    marked = _Marked("x", tty=False)
    shown = b"".join(marked.shown(data[at : at + size]) for at in range(0, len(data), size))
    assert shown.replace(b"\r\n", b"\n") == b"one\ntwo\n"
    assert marked.exit_code() == 3


def test_output_without_a_line_end_is_whole() -> None:
    marked = _Marked("x", tty=True)
    assert marked.shown(ECHO + b"vk-begin-x\r\nnovk-end-x:0\r\n") == b"no"
    assert marked.over


def test_a_container_that_ends_first_has_killed_the_command() -> None:
    marked = _Marked("x", tty=False)
    marked.shown(ECHO + b"vk-begin-x\r\nhalf")
    assert marked.exit_code() == 137


def test_an_image_without_a_shell_is_said() -> None:
    marked = _Marked("x", tty=False)
    marked.shown(b'exec: "/bin/sh": executable file not found in $PATH\r\n')
    with pytest.raises(Unsupported, match="which the image does not have"):
        marked.exit_code()
