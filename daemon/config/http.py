"""Options of the small HTTP server for monitoring."""

from __future__ import annotations

import re

from pydantic import field_validator

from daemon.config.section import Section

_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]?#]+):(\d{1,5})")


class HttpConfig(Section):
    """What monitoring may ask over HTTP; off unless `listen` is given."""

    listen: str | None = None
    """Address and port, such as 127.0.0.1:8090, which only this machine reaches."""
    metrics: bool = True
    """/metrics: the status as Prometheus reads it."""
    health: bool = True
    """/healthz: 200 while all is well, else 503 and what a person should look at."""

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, listen: str | None) -> str | None:
        match = _LISTEN.fullmatch(listen or "127.0.0.1:1")
        if match is None or not 0 < int(match[2]) < 65536:
            raise ValueError("this is address:port, such as 127.0.0.1:8090")
        return listen

    @property
    def address(self) -> tuple[str, int] | None:
        """Host (without brackets) and port; None where it is off."""
        match = _LISTEN.fullmatch(self.listen or "")
        return None if match is None else (match[1].strip("[]"), int(match[2]))
