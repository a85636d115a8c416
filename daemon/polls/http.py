"""The sensor kind `http`: what a web server of the house answers, as text or JSON."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from daemon.config import SizeBytes, TextOptions, TlsConfig
from daemon.errors import StartError
from daemon.messages import JsonValue
from daemon.polls.fetch import Answer, Fetcher, Request
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind
from daemon.tls import tls_context

_SHOWN = 100


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"this is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("a URL begins with http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("give name and password as `username` and `password`, not in the URL")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("a URL has no blanks and only ASCII; write others as %20, %C3%A9")
    return url


def _check_header(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a header is one line of printable characters")
    return text


Header = Annotated[str, AfterValidator(_check_header)]


class HttpOptions(TextOptions):
    """The answer of a web server."""

    url: Annotated[str, AfterValidator(_check_url)]
    """What to ask for, as http://192.168.1.20/status."""
    method: Literal["GET", "POST"] = "GET"
    """How to ask; redirections are followed with GET only."""
    body: str | None = None
    """What is sent with POST."""
    headers: dict[Header, Header] = Field(default_factory=dict)
    """Sent with the request, to this host only; secrets are best written as `!secret name`."""
    username: str | None = None
    """For basic authentication."""
    password: SecretStr | None = None
    """Of `username`; best written as `!secret name`."""
    tls: TlsConfig | None = None
    """For https: how to trust the server. Default: the authorities of the system."""
    max_size_bytes: SizeBytes = Field(
        default=1_000_000, validation_alias="max_size", ge=1, le=100_000_000
    )
    """A longer answer is a failure, and not read to its end."""
    max_redirects: int = Field(default=5, ge=0, le=20)
    """So many redirections are followed."""

    @model_validator(mode="after")
    def _check_request(self) -> HttpOptions:
        if self.body is not None and self.method != "POST":
            raise ValueError("`body` needs `method: POST`")
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` belong together: give both or neither")
        names = [name.lower() for name in self.headers]
        if self.username is not None and "authorization" in names:
            raise ValueError("`username` makes the header Authorization; give one of the two")
        if self.tls is not None and not self.url.startswith("https:"):
            raise ValueError("`tls` needs a URL that begins with https://")
        return self


class HttpSensor(Sensor):
    """Asks once a reading, on a connection of its own."""

    def __init__(self, request: Request, fetcher: Fetcher) -> None:
        self._request = request
        self._fetcher = fetcher

    def read(self, timeout_s: float) -> JsonValue:
        """The text of the answer. Raises SensorError for none, and for one that is an error."""
        answer = self._fetcher.fetch(self._request, timeout_s)
        place = self._request.place
        text = _text(place, answer)
        if not 200 <= answer.status < 300:
            raise SensorError("http-status", _status_text(place, answer, text))
        return text

    def cancel(self) -> None:
        """End the request that is under way."""
        self._fetcher.cancel()


def _text(place: str, answer: Answer) -> str:
    try:
        return answer.body.decode(answer.charset)
    except LookupError:
        return answer.body.decode("utf-8", "replace")
    except UnicodeDecodeError as error:
        if not 200 <= answer.status < 300:
            return ""
        raise SensorError(
            "encoding", f"{place}: byte {error.start} of the answer is no {answer.charset} text"
        ) from None


def _status_text(place: str, answer: Answer, text: str) -> str:
    said = " ".join(text.split())[:_SHOWN]
    told = f"{place} answered {answer.status} {answer.reason}" + (f": {said}" if said else "")
    if answer.status in (401, 403):
        told += "; it wants `username` and `password` (basic authentication), or a header"
    return told


def _headers(options: HttpOptions) -> Mapping[str, str]:
    headers = {"Accept-Encoding": "identity", "User-Agent": "tinyflux-collector"}
    if options.username is not None and options.password is not None:
        pair = f"{options.username}:{options.password.get_secret_value()}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
    # What is said here goes before what is said by default, in whatever case.
    given = {name.lower() for name in options.headers}
    kept = {name: text for name, text in headers.items() if name.lower() not in given}
    return {**kept, **options.headers}


def _open(options: HttpOptions, place: Place) -> HttpSensor:
    body = None if options.body is None else options.body.encode()
    request = Request(options.url, options.method, body, _headers(options))

    def trust() -> ssl.SSLContext:
        try:
            return tls_context("tls", options.tls or TlsConfig())
        except StartError as error:
            raise SensorError("certificate", str(error)) from error

    fetcher = Fetcher(
        limit_bytes=options.max_size_bytes, max_redirects=options.max_redirects, trust=trust
    )
    return HttpSensor(request, fetcher)


KIND = SensorKind(HttpOptions, _open)
