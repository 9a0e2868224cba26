"""The door for code in the same process, in virtual or real time: it waits as long as the cloud takes."""

import asyncio
import contextlib
from urllib.parse import urlsplit

from fakes.aci.cloud import AciCloud
from fakes.aci.group import Group
from fakes.aci.messages import Request, Response
from fakes.aci.sessions import Session

NOT_HEARD = 4.0
"""``Door.not_heard``, unless somebody wants it otherwise."""
LOOKS_EVERY = 1.0
"""Seconds between two looks at whether a quiet session has ended."""


class Door:
    """Asynchronous calls into a cloud.

    Args:
        cloud: the cloud.

    Attributes:
        not_heard: seconds after which a client whose answer got lost finds its connection broken.
    """

    def __init__(self, cloud: AciCloud) -> None:
        self.not_heard = NOT_HEARD
        self._cloud = cloud

    async def call(self, request: Request) -> Response:
        """What the cloud answers, when it does.

        Raises:
            ConnectionError: the answer got lost, or the request did.
        """
        response = self._cloud.handle(request)
        if not response.heard:
            await asyncio.sleep(response.takes + self.not_heard)
            raise ConnectionError("the connection was lost before the cloud answered")
        if response.takes:
            await asyncio.sleep(response.takes)
        return response

    def websocket(self, url: str) -> "WebSocket":
        """Connect to what ``exec`` or ``attach`` answered. Raises ConnectionError if there is no such session."""
        taken = self._cloud.groups.sessions.take(urlsplit(url).path)
        if taken is None:
            raise ConnectionError(f"there is no session at {url}")
        group, session = taken
        return WebSocket(self._cloud, group, session)


class WebSocket:
    """The client's end of a session. The first message that is sent must be the password, as text."""

    def __init__(self, cloud: AciCloud, group: Group, session: Session) -> None:
        self._cloud = cloud
        self._group = group
        self._session = session
        self._opened = False
        self._sent = asyncio.Event()

    def send(self, data: bytes | str) -> None:
        """Send the password, then input. A wrong password ends the session."""
        now = self._cloud.now()
        if self._opened:
            self._session.receive(data if isinstance(data, str) else data.decode(errors="replace"), now)
        elif data == self._session.password:
            self._opened = True
            self._group.advance(now)
            self._session.open(now)
        else:
            self._session.ended = True
        self._sent.set()

    async def receive(self) -> bytes | None:
        """The next output; None when the session has ended."""
        while True:
            self._sent.clear()
            now = self._cloud.now()
            self._group.advance(now)
            if self._opened:
                output = self._session.output(now)
                if output.data:
                    return output.data
                if output.ended:
                    return None
                wait = LOOKS_EVERY if output.next is None else min(LOOKS_EVERY, (output.next - now).total_seconds())
            elif self._session.ended:
                return None
            else:
                wait = LOOKS_EVERY
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sent.wait(), wait)
