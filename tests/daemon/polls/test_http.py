"""HTTP polls against a real server on the loopback interface, well-behaved and not."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
import trustme

from daemon.polls import SensorError
from tests.daemon.polls.opened import configured, opened, polled
from tests.daemon.polls.web import Web, drips, floods, response, says, serving
from tests.daemon.waiting import wait_until
from tests.support.ports import free_port

LONG_S = 30.0
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def failure_of(folder: Path, options: str, timeout_s: float = LONG_S) -> SensorError:
    with pytest.raises(SensorError) as failure:
        opened(folder, f"http: {options}").read(timeout_s)
    return failure.value


def test_json_of_a_server_becomes_a_point(tmp_path: Path) -> None:
    with serving(says(response('{"power": 1250, "today": 3.5, "name": "roof"}'))) as web:
        mapped = polled(
            tmp_path,
            f"http: {{url: '{web.url('/status?id=1')}', measurement: solar, fields: "
            "{kw: {path: $.power, scale: 0.001}, kwh: {path: $.today, kind: counter}}}",
        )
    [point] = mapped.points
    assert (point.measurement, point.fields) == ("solar", {"kw": 1.25, "kwh": 3.5})
    assert web.requests[0].startswith(b"GET /status?id=1 HTTP/1.1\r\nHost: 127.0.0.1:")


def test_value_in_a_page_is_found_by_a_regular_expression(tmp_path: Path) -> None:
    page = "<html><td>Pool</td><td>21,5 &deg;C</td></html>"
    with serving(says(response(page, "200 OK", "Content-Type: text/html"))) as web:
        parse = "{regex: 'Pool</td><td>(?P<whole>[0-9]+),(?P<tenth>[0-9])'}"
        mapped = polled(tmp_path, f"http: {{url: '{web.url()}', parse: {parse}}}")
    assert mapped.points[0].fields == {"whole": 21.0, "tenth": 5.0}


def test_text_is_read_in_the_encoding_that_the_server_names(tmp_path: Path) -> None:
    answer = response(
        "21 \xb0C".encode("latin-1"), "200 OK", "Content-Type: text/x; charset=latin1"
    )
    with serving(says(answer)) as web:
        assert opened(tmp_path, f"http: {{url: '{web.url()}'}}").read(LONG_S) == "21 \xb0C"


def test_chunks_are_put_together(tmp_path: Path) -> None:
    with serving(says(CHUNKED + b"2\r\n21\r\n2\r\n.5\r\n0\r\n\r\n")) as web:
        assert opened(tmp_path, f"http: {{url: '{web.url()}'}}").read(LONG_S) == "21.5"


def test_answer_without_a_length_ends_with_the_connection(tmp_path: Path) -> None:
    with serving(says(b"HTTP/1.0 200 OK\r\n\r\n21.5")) as web:
        assert opened(tmp_path, f"http: {{url: '{web.url()}'}}").read(LONG_S) == "21.5"


def test_empty_answer_is_no_value(tmp_path: Path) -> None:
    with serving(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as web:
        assert polled(tmp_path, f"http: {{url: '{web.url()}'}}").outcome == "no-value"


def test_headers_and_basic_authentication_are_sent(tmp_path: Path) -> None:
    with serving(says(response("1"))) as web:
        options = "headers: {X-Key: abc, user-agent: me}, username: jo, password: 'p:w'"
        opened(tmp_path, f"http: {{url: '{web.url()}', {options}}}").read(LONG_S)
    [request] = web.requests
    assert b"\r\nX-Key: abc\r\n" in request
    assert b"\r\nuser-agent: me\r\n" in request
    assert request.count(b"gent: ") == 1
    assert b"\r\nAuthorization: Basic " + base64.b64encode(b"jo:p:w") + b"\r\n" in request


def test_body_is_posted(tmp_path: Path) -> None:
    with serving(says(response("1"))) as web:
        options = "method: POST, body: '{\"id\": 1}', headers: {Content-Type: application/json}"
        opened(tmp_path, f"http: {{url: '{web.url('/rpc')}', {options}}}").read(LONG_S)
    assert web.requests[0].startswith(b"POST /rpc HTTP/1.1\r\n")
    assert b"\r\nContent-Length: 9\r\n" in web.requests[0]


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"", id="no-answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="in-a-header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="in-the-body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", id="in-a-known-length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", id="in-a-chunk-size"
        ),
    ],
)
def test_server_that_drips_bytes_is_left_at_the_timeout(tmp_path: Path, beginning: bytes) -> None:
    began_s = time.monotonic()
    with serving(drips(beginning, b"1")) as web:
        failure = failure_of(tmp_path, f"{{url: '{web.url()}'}}", 0.5)
        took_s = time.monotonic() - began_s
        wait_until(lambda: web.open_links == 0, "the connection to be closed")
    assert failure.kind == "timeout"
    assert "has not answered in full within 0.5 s" in str(failure)
    # Dripped for ever, it would take as long as the server lasts.
    assert took_s < LONG_S / 2


def test_server_that_drips_bytes_by_tls_is_left_at_the_timeout(tmp_path: Path) -> None:
    authority, context = server_context("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(drips(b"HTTP/1.1 200 OK\r\n\r\n"), context) as web:
        failure = failure_of(tmp_path, f"{{url: '{web.url()}', tls: {{ca: ca.pem}}}}", 1.0)
    assert failure.kind == "timeout"


def test_server_that_accepts_and_says_nothing_is_left_at_the_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        failure = failure_of(tmp_path, f"{{url: 'http://127.0.0.1:{port}/'}}", 0.3)
        by_tls = failure_of(tmp_path, f"{{url: 'https://127.0.0.1:{port}/'}}", 0.3)
    assert (failure.kind, by_tls.kind) == ("timeout", "timeout")


def redirecting(location: str) -> Web:
    return Web(says(response("", "302 Found", f"Location: {location}")))


def test_server_that_redirects_for_ever_is_left_after_five(tmp_path: Path) -> None:
    with serving(says(response("", "302 Found", "Location: /again"))) as web:
        failure = failure_of(tmp_path, f"{{url: '{web.url()}'}}")
    assert failure.kind == "redirects"
    assert len(web.requests) == 6


def test_redirection_is_followed_and_secrets_stay_with_their_host(tmp_path: Path) -> None:
    with serving(says(response("7"))) as other:
        elsewhere = redirecting(other.url("/there"))
        options = f"{{url: '{elsewhere.url()}', headers: {{X-Key: abc}}, username: a, password: b}}"
        assert opened(tmp_path, f"http: {options}").read(LONG_S) == "7"
    assert b"X-Key: abc" in elsewhere.requests[0]
    assert b"GET /there" in other.requests[0]
    assert b"X-Key" not in other.requests[0]
    assert b"Authorization" not in other.requests[0]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/", "http://[bad", "http:///"])
def test_redirection_to_what_is_no_web_server_is_refused(tmp_path: Path, location: str) -> None:
    web = redirecting(location)
    assert failure_of(tmp_path, f"{{url: '{web.url()}'}}").kind == "redirects"


def test_server_that_sends_100_mb_is_left_early(tmp_path: Path) -> None:
    sent: list[int] = []
    with serving(floods(b"HTTP/1.1 200 OK\r\n\r\n", 100_000_000, sent)) as web:
        failure = failure_of(tmp_path, f"{{url: '{web.url()}'}}")
        wait_until(lambda: web.open_links == 0, "the connection to be closed")
    assert failure.kind == "too-large"
    assert "more than 1000000 bytes, which is max_size" in str(failure)
    assert sum(sent) < 50_000_000


def test_headers_without_end_are_no_answer(tmp_path: Path) -> None:
    sent: list[int] = []
    with serving(floods(b"HTTP/1.1 200 OK\r\nX: ", 100_000_000, sent)) as web:
        failure = failure_of(tmp_path, f"{{url: '{web.url()}'}}")
    assert failure.kind == "bad-answer"
    assert sum(sent) < 50_000_000


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        pytest.param(response("no such page", "404 Not Found"), "http-status",
                     "answered 404 Not Found: no such page", id="404"),
        pytest.param(response("", "401 Unauthorized"), "http-status", "wants `username`", id="401"),
        pytest.param(response(b"\xff\xfe", "500 Oops"), "http-status", "500 Oops", id="500-bytes"),
        pytest.param(response(b"\xff"), "encoding", "byte 0 of the answer", id="no-utf8"),
        pytest.param(response("x", "200 OK", "Content-Encoding: gzip"), "bad-answer", "gzip",
                     id="gzip-unasked"),
        pytest.param(b"SSH-2.0-dropbear\r\n", "bad-answer", "no HTTP", id="another-protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n21", "bad-answer",
                     "ended within the answer", id="cut"),
        pytest.param(b"", "bad-answer", "", id="closed-at-once"),
    ],
)  # fmt: skip
def test_bad_answer_is_a_named_failure(tmp_path: Path, answer: bytes, kind: str, told: str) -> None:
    with serving(says(answer)) as web:
        failure = failure_of(tmp_path, f"{{url: '{web.url('/x?key=s3cret')}'}}")
    assert failure.kind == kind
    assert told in str(failure)
    assert "s3cret" not in str(failure)


def test_nobody_who_listens_is_a_named_failure(tmp_path: Path) -> None:
    failure = failure_of(tmp_path, f"{{url: 'http://127.0.0.1:{free_port()}/'}}")
    assert failure.kind == "refused"


def server_context(name: str) -> tuple[trustme.CA, ssl.SSLContext]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return authority, context


@pytest.mark.parametrize(
    ("tls", "name", "kind"),
    [
        pytest.param("", "127.0.0.1", "certificate", id="unknown-authority"),
        pytest.param(", tls: {ca: ca.pem}", "127.0.0.1", None, id="known-authority"),
        pytest.param(", tls: {ca: ca.pem}", "other.lan", "certificate", id="another-name"),
        pytest.param(", tls: {verify: false}", "other.lan", None, id="not-verified"),
        pytest.param(", tls: {ca: gone.pem}", "127.0.0.1", "certificate", id="missing-file"),
    ],
)
def test_certificate_is_checked_as_configured(
    tmp_path: Path, tls: str, name: str, kind: str | None
) -> None:
    authority, context = server_context(name)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving(says(response("21.5")), context) as web:
        sensor = opened(tmp_path, f"http: {{url: '{web.url()}'{tls}}}")
        try:
            outcome = sensor.read(LONG_S)
        except SensorError as error:
            outcome = error.kind
    assert outcome == (kind or "21.5")


def test_cancel_from_another_thread_ends_a_reading(tmp_path: Path) -> None:
    with serving(drips(b"HTTP/1.1 200 OK\r\n\r\n", pause_s=0.5)) as web:
        sensor = opened(tmp_path, f"http: {{url: '{web.url()}'}}")
        failures: list[SensorError] = []

        def read() -> None:
            try:
                sensor.read(600)
            except SensorError as error:
                failures.append(error)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        wait_until(lambda: bool(web.requests), "the request")
        sensor.cancel()
        reader.join(20)
    assert not reader.is_alive()
    assert [failure.kind for failure in failures] == ["cancelled"]


def test_cancel_without_a_reading_does_nothing(tmp_path: Path) -> None:
    with serving(says(response("1"))) as web:
        sensor = opened(tmp_path, f"http: {{url: '{web.url()}'}}")
        sensor.cancel()
        assert sensor.read(LONG_S) == "1"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param("{url: 'ftp://x/'}", "begins with http:// or https://", id="scheme"),
        pytest.param("{url: '192.168.1.2/x'}", "begins with http:// or https://", id="no-scheme"),
        pytest.param("{url: 'http://a:b@x/'}", "as `username` and `password`", id="user-in-url"),
        pytest.param("{url: 'http://x/a b'}", "no blanks", id="blank"),
        pytest.param("{url: 'http://x:99999/'}", "this is no URL", id="port"),
        pytest.param("{url: 'http://x/', body: a}", "needs `method: POST`", id="body-of-get"),
        pytest.param("{url: 'http://x/', username: a}", "belong together", id="no-password"),
        pytest.param("{url: 'http://x/', tls: {}}", "begins with https", id="tls-of-http"),
        pytest.param("{url: 'http://x/', headers: {a: \"b\\nc\"}}", "one line", id="two-lines"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: str, told: str) -> None:
    with pytest.raises(Exception, match=r".") as refusal:
        configured(tmp_path, f"http: {options}")
    assert told in str(refusal.value)
