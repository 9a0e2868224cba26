"""How hard the API server is asked (``runner.gate``), in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from runner.gate import LONGEST_HOLD, WIDEST, Gate
from vksim.loop import run


class Server:
    """Answers in a second; counts how many ask at once, and when."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.at_once = self.most = 0
        self.begun: list[float] = []

    async def ask(self, then: Callable[[], None] | None = None) -> None:
        async with self.gate.turn():
            self.begun.append(asyncio.get_running_loop().time())
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(1)
            self.at_once -= 1
        (then or self.gate.well)()

    async def ask_many(self, count: int) -> None:
        self.most = 0
        await asyncio.gather(*(self.ask() for _ in range(count)))


def in_virtual_time(test: Callable[[Gate, Server], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def played() -> None:
        async def main() -> None:
            gate = Gate(Random(1))
            await test(gate, Server(gate))

        run(main())

    played.__name__ = test.__name__
    return played


@in_virtual_time
async def test_no_more_go_at_once_than_the_window_is_wide(gate: Gate, server: Server) -> None:
    await server.ask_many(3 * WIDEST)
    assert server.most == WIDEST
    assert asyncio.get_running_loop().time() == pytest.approx(3)


@in_virtual_time
async def test_there_is_no_rate_below_the_window(gate: Gate, server: Server) -> None:
    for _ in range(100):
        async with gate.turn():
            pass
    assert asyncio.get_running_loop().time() == 0


@in_virtual_time
async def test_when_the_server_asks_to_wait_everybody_does(gate: Gate, server: Server) -> None:
    gate.throttle(5)
    await server.ask_many(4)
    assert all(5 <= begun <= 6 for begun in server.begun)
    assert len(set(server.begun)) == 4


@in_virtual_time
async def test_a_wish_that_comes_while_one_waits_is_obeyed_too(gate: Gate, server: Server) -> None:
    gate.throttle(5)
    asking = asyncio.create_task(server.ask())
    await asyncio.sleep(4)
    gate.throttle(5)
    await asking
    assert server.begun[0] >= 9


@in_virtual_time
async def test_an_absurd_wish_is_not_obeyed_for_ever(gate: Gate, server: Server) -> None:
    gate.throttle(3600)
    await server.ask()
    assert server.begun[0] <= 1.2 * LONGEST_HOLD


@in_virtual_time
async def test_throttling_halves_the_window_and_answers_open_it_again(gate: Gate, server: Server) -> None:
    gate.throttle(0.1)
    gate.throttle(0.1)
    await server.ask_many(WIDEST)
    assert WIDEST / 4 <= server.most < WIDEST
    for _ in range(WIDEST * WIDEST):
        gate.well()
    await server.ask_many(2 * WIDEST)
    assert server.most == WIDEST


@in_virtual_time
async def test_the_window_never_closes(gate: Gate, server: Server) -> None:
    for _ in range(20):
        gate.throttle(0.1)
    await server.ask()
    assert server.most == 1


@in_virtual_time
async def test_a_server_that_does_not_answer_is_asked_less_and_less_often(gate: Gate, server: Server) -> None:
    for _ in range(9):
        await server.ask(gate.trouble)
    gaps = [after - before - 1 for before, after in zip(server.begun, server.begun[1:], strict=False)]
    assert gaps[0] < 0.1
    assert gaps[3] > 2 * gaps[0]
    assert 5 <= gaps[-1] <= 6.6
    await server.ask(gate.well)
    await server.ask(gate.trouble)
    await server.ask()
    assert server.begun[-1] - server.begun[-2] < 1.2


@in_virtual_time
async def test_one_that_is_cancelled_while_it_waits_takes_no_place(gate: Gate, server: Server) -> None:
    first = [asyncio.create_task(server.ask()) for _ in range(WIDEST)]
    await asyncio.sleep(0.5)
    second = asyncio.create_task(server.ask())
    third = asyncio.create_task(server.ask())
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(*first, third)
    assert len(server.begun) == WIDEST + 1


@in_virtual_time
async def test_one_that_is_cancelled_as_its_turn_comes_hands_it_on(gate: Gate, server: Server) -> None:
    for _ in range(6):
        gate.throttle(0)
    assert int(gate.window) == 1
    holder = gate.turn()
    await holder.__aenter__()
    second, third = (asyncio.create_task(server.ask()) for _ in range(2))
    await asyncio.sleep(0)
    await holder.__aexit__(None, None, None)
    second.cancel()
    await third
    assert len(server.begun) == 1
