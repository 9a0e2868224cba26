"""Access tokens: given out, and recognised as long as they hold."""

import base64
from datetime import datetime, timedelta
from random import Random

import orjson

LIFETIME = timedelta(hours=24)
AUDIENCE = "https://management.azure.com"


class Tokens:
    """Those that were given out.

    Args:
        random: makes them.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ends: dict[str, datetime] = {}

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
        token = ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts)
        self._ends = {known: end for known, end in self._ends.items() if end > now}
        self._ends[token] = ends
        return token

    def holds(self, token: str, now: datetime) -> bool:
        """Whether the token was given out, and has not expired."""
        ends = self._ends.get(token)
        return ends is not None and now < ends
