"""Access tokens: given out, and recognised as long as they hold."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import orjson

LIFETIME = timedelta(hours=24)
AUDIENCE = "https://management.azure.com"
AUDIENCES = (AUDIENCE, "https://management.core.windows.net")
"""Whom a token for Resource Manager may be for."""


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token that was given out."""

    subject: str
    audience: str
    ends: datetime


class Tokens:
    """Those that were given out.

    Args:
        random: makes them.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._given: dict[str, Token] = {}

    def issue(self, now: datetime, subject: str = "vksim", tenant: str = "", audience: str = AUDIENCE) -> str:
        """A new token; it looks like what the real service gives, and is signed by nobody."""
        ends = now + LIFETIME
        claims = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{tenant}/",
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(ends.timestamp()),
            "appid": subject,
            "oid": subject,
            "tid": tenant,
            "ver": "1.0",
        }
        parts = (orjson.dumps({"typ": "JWT", "alg": "RS256"}), orjson.dumps(claims), self._random.randbytes(24))
        text = ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts)
        self._given = {known: token for known, token in self._given.items() if token.ends > now}
        self._given[text] = Token(subject, audience.rstrip("/"), ends)
        return text

    def find(self, text: str, now: datetime) -> Token | None:
        """The token, if it was given out and has not expired."""
        token = self._given.get(text)
        return token if token is not None and now < token.ends else None

    def holds(self, text: str, now: datetime) -> bool:
        """Whether the token was given out, and has not expired."""
        return self.find(text, now) is not None
