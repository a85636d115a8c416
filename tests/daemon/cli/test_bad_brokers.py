"""A broker that does not deliver: the collector keeps running, says so once, tries again, shows it
in `status`, and says once when it is well again."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from tests.daemon.app.processes import CollectorProcess, configuration_for
from tests.daemon.cli.conftest import Ask, StartCollector
from tests.support.access import access_lines
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.ports import free_port
from tests.support.secured import Identity, start_secured, write_authority, write_identity

POLL = "polls:\n  - command: {every: 200ms, run: [echo, '42'], measurement: answers}"


class _WebServer(socketserver.BaseRequestHandler):
    """Answers as a web server does that is spoken to in another language."""

    def handle(self) -> None:
        self.request.recv(4096)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nno HTTP\r\n")


@pytest.fixture
def http_port() -> Iterator[int]:
    """A web server."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _WebServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _config(url: str, *, tls: str = "") -> str:
    return f"""\
collector: {{name: test}}
brokers:
  home:
    url: {url}
    username: collector
    password: s3cret
    reconnect: {{min: 100ms, max: 300ms}}
{tls}
sources:
  - {{topic: sensors/+device, measurement: climate}}
storage: {{commit: {{interval: 100ms}}}}
{POLL}
"""


def _expect_trouble(ask: Ask, collector: CollectorProcess, *parts: str, tries: int = 3) -> None:
    """The collector runs, polls, tries again and has said the reason once; `status` says it too."""
    collector.wait_for(
        lambda: any(parts[0] in problem for problem in ask(collector)[1]["problems"]), parts[0]
    )
    collector.wait_for(
        lambda: ask(collector)[1]["brokers"]["home"]["failures"] >= tries, "failed tries"
    )
    code, found = ask(collector)
    assert (code, found["running"]) == (1, True)
    [problem] = found["problems"]
    said = [line for line in collector.log_text().splitlines() if "sources.mqtt" in line]
    assert len(said) == 1
    for part in parts:
        assert part in problem
        assert part in said[0]
    # Its poll goes on.
    size = collector.data_path.stat().st_size
    collector.wait_for(lambda: collector.data_path.stat().st_size > size, "a poll's row")
    assert "s3cret" not in collector.log_text() + json.dumps(found)


def _expect_well_again(ask: Ask, collector: CollectorProcess) -> None:
    collector.wait_for_log("failed tries in")
    collector.wait_for(lambda: ask(collector)[0] == 0, "a status without problems")
    assert collector.log_text().count("sources.mqtt") == 2


def test_an_unknown_host(start_collector: StartCollector, ask: Ask) -> None:
    collector = start_collector(_config("mqtt://no-such-host.invalid"))
    _expect_trouble(ask, collector, "no address is known for the host", "brokers.home.url")


def test_a_web_server(start_collector: StartCollector, ask: Ask, http_port: int) -> None:
    collector = start_collector(_config(f"mqtt://127.0.0.1:{http_port}"))
    _expect_trouble(ask, collector, "is no MQTT broker", "brokers.home.url")


def test_a_web_server_for_a_websocket(
    start_collector: StartCollector, ask: Ask, http_port: int
) -> None:
    collector = start_collector(_config(f"ws://127.0.0.1:{http_port}/mqtt"))
    _expect_trouble(ask, collector, "opens no WebSocket for MQTT", "brokers.home.url")


def test_nobody_there_and_then_somebody(
    start_collector: StartCollector, mosquitto: Mosquitto, ask: Ask
) -> None:
    mosquitto.stop()
    collector = start_collector(_config(mosquitto.url))
    _expect_trouble(ask, collector, "nobody listens there", tries=1)
    mosquitto.start()
    _expect_well_again(ask, collector)


def test_a_wrong_password_and_then_the_right_one(
    start_collector: StartCollector, start_mosquitto: StartMosquitto, ask: Ask
) -> None:
    broker = start_mosquitto(users={"collector": "another"})
    collector = start_collector(_config(broker.url))
    _expect_trouble(ask, collector, "brokers.home.username and brokers.home.password", tries=1)
    broker.change_password("collector", "s3cret")
    _expect_well_again(ask, collector)


def _renew(authority: trustme.CA, shown: Identity) -> None:
    write_identity(authority.issue_cert("localhost"), shown.certificate.parent, "shown")


@pytest.mark.parametrize(
    ("names", "end", "found"),
    [
        (["localhost"], datetime(2020, 2, 1, tzinfo=UTC), "certificate has expired"),
        (["mqtt.example.org"], None, "not valid for 'localhost'"),
    ],
    ids=["expired", "another name"],
)
def test_a_bad_certificate_and_then_a_good_one(
    start_collector: StartCollector,
    start_mosquitto: StartMosquitto,
    ask: Ask,
    tmp_path: Path,
    names: list[str],
    end: datetime | None,
    found: str,
) -> None:
    authority = trustme.CA()
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    leaf = authority.issue_cert(*names, not_before=begin, not_after=end)
    shown = write_identity(leaf, tmp_path, "shown")
    broker, port = start_secured(start_mosquitto, tmp_path, authority, shown)
    tls = f"    tls: {{ca: {write_authority(authority, tmp_path)}}}"
    collector = start_collector(_config(f"mqtts://localhost:{port}", tls=tls))
    _expect_trouble(ask, collector, "its certificate is not accepted", found, tries=1)
    _renew(authority, shown)
    # Mosquitto looks at its certificates again.
    broker.reload()
    _expect_well_again(ask, collector)


def test_a_wrong_authority_and_then_the_right_one(
    start_collector: StartCollector, start_mosquitto: StartMosquitto, ask: Ask, tmp_path: Path
) -> None:
    authority = trustme.CA()
    _, port = start_secured(start_mosquitto, tmp_path, authority)
    tls = f"    tls: {{ca: {write_authority(trustme.CA(), tmp_path, 'trusted')}}}"
    collector = start_collector(_config(f"mqtts://localhost:{port}", tls=tls))
    _expect_trouble(
        ask, collector, "its certificate is not accepted", "brokers.home.tls.ca", tries=1
    )
    write_authority(authority, tmp_path, "trusted")
    _expect_well_again(ask, collector)


def test_a_password_file_that_is_renewed(
    start_collector: StartCollector, start_mosquitto: StartMosquitto, ask: Ask, tmp_path: Path
) -> None:
    broker = start_mosquitto()
    password = tmp_path / "password"
    password.write_text("of yesterday\n", encoding="utf-8")
    text = _config(broker.url).replace("password: s3cret", f"password_file: {password}")
    collector = start_collector(text)
    _expect_trouble(ask, collector, "brokers.home.username and brokers.home.password", tries=1)
    password.unlink()
    collector.wait_for_log("What was read from it before is used on")
    password.write_text("s3cret\n", encoding="utf-8")
    collector.wait_for_log("failed tries in")
    assert collector.log_text().count("is used on") == 1


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_forbidden_subscription_and_then_a_granted_one(
    start_collector: StartCollector,
    start_mosquitto: StartMosquitto,
    ask: Ask,
    tmp_path: Path,
    protocol: str,
) -> None:
    broker = start_mosquitto(users={}, lines=access_lines(tmp_path, "sensors/#"))
    rules = ["{topic: sensors/+device, measurement: climate}", "{topic: secret/#r, measurement: s}"]
    text = configuration_for(broker, protocol=protocol, sources=rules)
    text = text.replace("    username: \n    password: \n", "")
    collector = start_collector(text)
    collector.wait_for(lambda: ask(collector)[1]["problems"] != [], "the problem")
    collector.wait_for(lambda: "secret/#" in str(ask(collector)[1]["problems"]), "the problem")
    code, found = ask(collector)
    assert code == 1
    assert found["brokers"]["home"]["connected"] is True
    assert found["brokers"]["home"]["refused"] == ["secret/#"]
    assert collector.log_text().count("does not let us subscribe to 'secret/#'") == 1
    broker.stop()
    access_lines(tmp_path, "sensors/#", "secret/#")
    broker.start()
    collector.wait_for_log("it now lets us subscribe to 'secret/#'")
    collector.wait_for(lambda: ask(collector)[0] == 0, "a status without problems")


def test_one_broker_in_trouble_leaves_the_others_alone(
    start_collector: StartCollector, mosquitto: Mosquitto, ask: Ask
) -> None:
    text = configuration_for(mosquitto, interval="100ms").replace(
        "brokers:\n", f"brokers:\n  cellar: {{url: mqtt://127.0.0.1:{free_port()}}}\n"
    )
    text = text.replace("- {topic: sensors", "- {broker: home, topic: sensors")
    text = text.replace("sources:\n", "sources:\n  - {broker: cellar, topic: x, measurement: x}\n")
    collector = start_collector(text)
    collector.wait_for_log("broker home at mqtt://127.0.0.1")
    mosquitto.publish("sensors/attic", "1")
    collector.wait_for(
        lambda: ask(collector)[1]["ledger"]["topics"].get("sensors/attic", {}).get("stored") == 1,
        "the message",
    )
    brokers = ask(collector)[1]["brokers"]
    assert (brokers["home"]["connected"], brokers["cellar"]["connected"]) == (True, False)
