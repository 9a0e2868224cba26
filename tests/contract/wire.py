"""Recorded cases: requests as data, the answers that a real kube-apiserver gave, and how the two are compared.

A case is a short sequence of requests in a namespace of its own. What differs from run to run (identities, times,
versions, addresses) is replaced by a word before it is recorded or compared.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

RECORDED = Path(__file__).parent / "recorded"

ASK_AGAIN_SECONDS = 0.02
SEEN_SECONDS = 0.3
"""After that long the controllers of a real control plane have seen a change."""

TLS_END_SECONDS = 0.05
"""A TLS connection that is dropped in the middle of a watch ends in the background."""

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    In texts of path, query and body, ``$NS`` is the case's namespace, ``$RV0`` the resourceVersion and ``$UID0`` the
    UID of what the first request was answered, ``$CONTINUE0`` its continue token, and so on.

    Attributes:
        method: GET, POST and so on.
        path: from the root.
        body: JSON, or text to be sent as it is.
        query: parameters.
        type: content type of the body.
        accept: the Accept header.
        events: the request is a watch, of which this many events are read.
        headers: response headers that are part of the answer.
        until: ask again until the answer is so, a value for each path in it: controllers take their time.
        user: who asks, the administrator in their name; "" for the administrator.
        later: let the controllers of a real one first see what was asked before.
    """

    method: str
    path: str
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    type: str = "application/json"
    accept: str = "application/json"
    events: int = 0
    headers: tuple[str, ...] = ()
    until: dict[str, Any] = field(default_factory=dict)
    user: str = ""
    later: bool = False


Cases = Mapping[str, list[Ask]]


def core(path: str) -> str:
    """The path of something of core/v1 in the case's namespace."""
    return f"/api/v1/namespaces/$NS/{path}"


def group(name: str, path: str) -> str:
    """The path of something of a named group and version in the case's namespace."""
    return f"/apis/{name}/namespaces/$NS/{path}"


def get(path: str, accept: str = "application/json", **query: str) -> Ask:
    return Ask("GET", path, query=query, accept=accept)


def post(path: str, body: Any, **query: str) -> Ask:
    return Ask("POST", path, body, query)


def put(path: str, body: Any, **query: str) -> Ask:
    return Ask("PUT", path, body, query)


def patch(path: str, body: Any, type: str = MERGE, **query: str) -> Ask:  # noqa: A002 - as the header is called
    return Ask("PATCH", path, body, query, type)


def delete(path: str, body: Any = None, **query: str) -> Ask:
    return Ask("DELETE", path, body, query)


def watch(path: str, events: int, **query: str) -> Ask:
    return Ask("GET", path, query={"watch": "1", **query}, events=events)


def later(ask: Ask) -> Ask:
    """The request, when the controllers have seen what was asked before it."""
    return replace(ask, later=True)


def until(path: str, **answer: Any) -> Ask:
    """Get an object until it is so; ``_`` stands for the blanks of a path in it, and ``code`` for the answer's code."""
    return Ask("GET", path, until={name.replace("_", " "): value for name, value in answer.items()})


def gone(path: str) -> Ask:
    """Get an object until it is not there."""
    return until(path, code=404)


@dataclass(frozen=True, slots=True)
class Wire:
    """A running API server, spoken to in plain HTTP."""

    session: aiohttp.ClientSession
    url: str

    async def play(self, case: list[Ask], namespace: str) -> list[Any]:
        """Make the namespace, send the requests, give the answers in comparable form."""
        await self._prepare(namespace)
        words = {"$NS": namespace}
        answers = []
        for number, ask in enumerate(case):
            if ask.later and self.url.startswith("https"):
                await asyncio.sleep(SEEN_SECONDS)
            code, headers, body = await self._send(ask, words)
            wanted = json.loads(filled(json.dumps(ask.until), words))
            while not _is_so(wanted, code, body):
                await asyncio.sleep(ASK_AGAIN_SECONDS)
                code, headers, body = await self._send(ask, words)
            meta = body.get("metadata", {}) if isinstance(body, dict) else {}
            words[f"$RV{number}"] = meta.get("resourceVersion", "")
            words[f"$UID{number}"] = meta.get("uid", "")
            words[f"$CONTINUE{number}"] = meta.get("continue", "")
            shown = {name: headers[name] for name in ask.headers if name in headers}
            answers.append({"code": code, **({"headers": shown} if shown else {}), "body": body})
        return [comparable(each, namespace) for each in answers]

    async def _send(self, ask: Ask, words: Mapping[str, str]) -> tuple[int, Mapping[str, str], Any]:
        query = "&".join(f"{key}={quote(filled(value, words))}" for key, value in ask.query.items())
        content = ask.body if isinstance(ask.body, str | None) else json.dumps(ask.body)
        async with self.session.request(
            ask.method,
            f"{self.url}{filled(ask.path, words)}{'?' if query else ''}{query}",
            data=None if content is None else BytesIO(filled(content, words).encode()),
            headers={
                "Content-Type": ask.type,
                "Accept": ask.accept,
                "User-Agent": "contract/1",
                **_in_the_name_of(ask.user),
            },
        ) as response:
            if ask.events and response.status == 200:
                return (
                    response.status,
                    response.headers,
                    [json.loads(await response.content.readline()) for _ in range(ask.events)],
                )
            text = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, response.headers, json.loads(text) if is_json and text else text

    async def _prepare(self, namespace: str) -> None:
        """Make a namespace and wait until pods can be made in it."""
        async with self.session.post(
            f"{self.url}/api/v1/namespaces", json={"metadata": {"name": namespace}}
        ) as response:
            assert response.status == 201, await response.text()
        for each in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"):
            await self._until_there(f"{self.url}/api/v1/namespaces/{namespace}/{each}")

    async def _until_there(self, url: str) -> None:
        while True:
            async with self.session.get(url) as found:
                if found.status == 200:
                    return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def wire(url: str, token: str) -> AsyncIterator[Wire]:
    """Speak to the server at that address; its certificate is not looked at."""
    connector = aiohttp.TCPConnector(ssl=False)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": f"Bearer {token}"}) as session:
        yield Wire(session, url)
    if url.startswith("https"):
        await asyncio.sleep(TLS_END_SECONDS)


def _in_the_name_of(user: str) -> dict[str, str]:
    """The headers; a group of the user follows after a colon."""
    name, _, group = user.partition(":") if not user.startswith("system:") else (user, "", "")
    found = {"Impersonate-User": name, "Impersonate-Group": group}
    return {header: value for header, value in found.items() if value}


def _is_so(wanted: Mapping[str, Any], code: int, body: Any) -> bool:
    """Whether an answer has these values; None for a path that is not in it."""
    for path, value in wanted.items():
        found = code if path == "code" else body
        for part in path.split() if path != "code" else ():
            found = found.get(part) if isinstance(found, dict) else None
        if found != value:
            return False
    return True


def filled(text: str, words: Mapping[str, str]) -> str:
    """The text with the words put in; the longest first, for ``$RV10`` begins like ``$RV1``."""
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, words[word])
    return text


REPLACED = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
    (re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"(kube-api-access-|[Mm]ade[-_])[a-z0-9]{5}\b"), r"\1XXXXX"),
    (re.compile(r'Invalid value: "\{.*\}"', re.DOTALL), 'Invalid value: "OBJECT"'),
    (re.compile(r"-----BEGIN CERTIFICATE-----.*", re.DOTALL), ""),
    (re.compile(r"\b10\.96\.\d+\.\d+\b"), "CLUSTER-IP"),
    (re.compile(r"((?:[Tt]oo (?:old|large)) resource version: )\d+( \(\d+\)|, current: \d+)"), r"\1N"),
    (re.compile(r"(ResourceVersion in (?:the precondition|record)) \(\d+\)"), r"\1 (N)"),
    (re.compile(r"\b\d+(?:\.\d+)?[smhd]$"), "AGE"),
    (re.compile(r"[A-Za-z0-9+/_=-]{60,}\.[A-Za-z0-9+/_=-]{60,}\.[A-Za-z0-9+/_=-]{60,}"), "TOKEN"),
)
DROPPED = ("managedFields", "selfLink")
VARYING = {"resourceVersion": "RV", "continue": "CONTINUE", "nodePort": "NODE-PORT", "serverAddress": "ADDRESS"}


def comparable(value: Any, namespace: str) -> Any:
    """A JSON value with what differs from run to run replaced."""
    if isinstance(value, dict):
        return {
            key: VARYING[key] if key in VARYING and each else comparable(each, namespace)
            for key, each in value.items()
            if key not in DROPPED
        }
    if isinstance(value, list):
        return [comparable(each, namespace) for each in value]
    if isinstance(value, str):
        value = value.replace(namespace, "NS")
        for pattern, word in REPLACED:
            value = pattern.sub(word, value)
    return value


def recorded(subject: str) -> dict[str, list[Any]]:
    """What the real one answered to the cases of a subject."""
    path = RECORDED / f"{subject}.json"
    found: dict[str, list[Any]] = json.loads(path.read_text()) if path.exists() else {}
    return found


def record(subject: str, case: str, answers: list[Any]) -> None:
    """Write down what the real one answers: a line for each answer, so that a difference is seen in review."""
    RECORDED.mkdir(exist_ok=True)
    cases = {**recorded(subject), case: answers}
    parts = []
    for name in sorted(cases):
        lines = ",\n".join(f"  {json.dumps(each, sort_keys=True)}" for each in cases[name])
        parts.append(f"{json.dumps(name)}: [\n{lines}\n]")
    (RECORDED / f"{subject}.json").write_text("{\n" + ",\n".join(parts) + "\n}\n")
