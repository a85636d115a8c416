"""How the collector gets into brokers: urls, passwords, certificates, what it says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import BrokerConfig, Config, exposures, is_loopback
from daemon.errors import EX_CONFIG, StartError
from daemon.sources import StatusMessage, link_settings
from tests.daemon.config.configs import only_problem


@pytest.mark.parametrize(
    ("url", "address", "path", "is_tls"),
    [
        ("mqtt://h", ("h", 1883), None, False),
        ("mqtts://h/", ("h", 8883), None, True),
        ("ws://h", ("h", 80), "/mqtt", False),
        ("ws://[::1]:9001/", ("::1", 9001), "/", False),
        ("wss://h:444/a/b?c=d", ("h", 444), "/a/b?c=d", True),
    ],
)
def test_a_url_says_where_and_how(
    url: str, address: tuple[str, int], path: str | None, is_tls: bool
) -> None:
    broker = BrokerConfig(url=url)
    assert (broker.address, broker.websocket_path, broker.is_tls) == (address, path, is_tls)


@pytest.mark.parametrize(
    ("broker", "key", "allowed"),
    [
        ("url: http://h", ".url", "wss://host:port/path or embedded"),
        ("url: mqtt://h/mqtt", ".url", "ws://host:port/path"),
        ("url: mqtt://h, username: u, password: p, password_file: f", "", "give one of them"),
        ("url: mqtt://h, password_file: f", "", "needs a `username`"),
        ("url: ws://h, tls: {}", "", "begins with mqtts:// or wss://"),
        ("url: wss://h, tls: {key: k}", ".tls", "`cert` and `key` belong together"),
        ("url: wss://h, tls: {key_password: k}", ".tls", "needs a `key`"),
        ("url: wss://h, tls: {ca: c, verify: false}", ".tls", "remove `ca`, or `verify`"),
        ("url: wss://h, tls: {min_version: 1.1}", ".tls.min_version", "1.2"),
        ("url: wss://h, tls: {insecure: true}", ".tls.insecure", "did you mean `verify`"),
        ("url: mqtt://h, will: {topic: a/#}", ".will.topic", "neither + nor #"),
        ("url: mqtt://h, announce: false, will: {topic: a}", "", "remove them"),
        ("url: mqtt://h, will_message: {}", ".will_message", "did you mean `will`"),
    ],
)
def test_a_slip_is_answered_with_what_is_allowed(
    tmp_path: Path, broker: str, key: str, allowed: str
) -> None:
    problem = only_problem(tmp_path, f"brokers:\n  home: {{{broker}}}\n")
    assert problem.key_path == f"brokers.home{key}"
    assert allowed in problem.allowed


@pytest.mark.parametrize("version", ["1.3", '"1.3"'], ids=["number", "text"])
def test_the_tls_version_may_be_written_without_quotes(version: str) -> None:
    given = float(version) if '"' not in version else version.strip('"')
    config = {"url": "mqtts://h", "tls": {"min_version": given}}
    tls = BrokerConfig.model_validate(config).tls
    assert tls is not None
    assert tls.min_version == "1.3"


@pytest.mark.parametrize(
    ("broker", "said"),
    [
        ({"url": "mqtt://mqtt.lan"}, "go to mqtt.lan in plain text"),
        ({"url": "ws://192.0.2.1/mqtt"}, "write url: wss://"),
        ({"url": "mqtts://mqtt.lan", "tls": {"verify": False}}, "is insecure"),
    ],
    ids=["mqtt", "ws", "unverified"],
)
def test_what_others_could_read_is_said(broker: dict[str, object], said: str) -> None:
    config = BrokerConfig.model_validate({**broker, "username": "u", "password": "s3cret"})
    [notice] = exposures({"home": config})
    assert said in notice
    assert "s3cret" not in notice


@pytest.mark.parametrize(
    "url", ["mqtt://127.0.0.1", "mqtt://localhost", "mqtt://[::1]", "mqtts://mqtt.lan", "embedded"]
)
def test_nothing_is_said_of_a_connection_that_nobody_can_read(url: str) -> None:
    config = BrokerConfig.model_validate({"url": url, "username": "u", "password": "p"})
    assert list(exposures({"home": config})) == []


@pytest.mark.parametrize("host", ["127.8.9.1", "::1", "LOCALHOST", "broker.localhost"])
def test_a_loopback_host_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.168.1.5", "localhost.example.org", "mqtt.lan", "::2"])
def test_another_host_is_no_loopback(host: str) -> None:
    assert not is_loopback(host)


def _config(name: str = "cabin", **broker: object) -> Config:
    brokers = {"home": {"url": "mqtt://127.0.0.1", **broker}}
    return Config.model_validate({"collector": {"name": name}, "brokers": brokers})


def test_by_default_a_status_topic_says_whether_it_is_there() -> None:
    settings = link_settings(_config("the cabin/1+#"), "home")
    topic = "tinyflux-collector/the-cabin-1/status"
    assert settings.will == StatusMessage(topic, "offline")
    assert settings.birth == StatusMessage(topic, "online")


def test_a_topic_given_for_one_is_the_others_too() -> None:
    settings = link_settings(_config(will={"topic": "a/b", "retain": False}), "home")
    assert settings.will == StatusMessage("a/b", "offline", False)
    assert settings.birth == StatusMessage("a/b", "online", True)


def test_nothing_is_announced_where_that_is_unwanted() -> None:
    settings = link_settings(_config(announce=False), "home")
    assert (settings.will, settings.birth) == (None, None)


def test_a_password_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret \n", encoding="utf-8")
    config = _config(username="u", password_file=str(tmp_path / "password"))
    assert link_settings(config, "home").password == "s3cret "


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "No such file"),
        (b"", "found nothing"),
        (b"a\nb\n", "several lines"),
        (b"\xff", "UTF-8"),
    ],
    ids=["missing", "empty", "lines", "bytes"],
)
def test_a_password_file_that_cannot_be_used_is_said(
    tmp_path: Path, content: bytes | None, found: str
) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StartError, match=rf"brokers\.home\.password_file.*{found}") as caught:
        link_settings(_config(username="u", password_file=str(path)), "home")
    assert caught.value.exit_status == EX_CONFIG
