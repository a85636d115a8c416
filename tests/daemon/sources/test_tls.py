"""TLS: the broker's certificate is checked, and ours is shown. Certificates are trustme's."""

from __future__ import annotations

import contextlib
import logging
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from daemon.config import Config
from daemon.errors import EX_CONFIG, StartError
from daemon.sources import LinkSettings, link_settings
from daemon.writer import Inbox
from tests.daemon.sources.conftest import Sources, payloads, take_messages
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.secured import Identity, start_secured, write_authority, write_identity

Logged = Callable[[int], list[str]]


def _settings(port: int, host: str = "localhost", **tls: object) -> LinkSettings:
    broker = {
        "url": f"mqtts://{host}:{port}",
        "username": "collector",
        "password": "s3cret",
        "tls": tls,
    }
    return link_settings(Config.model_validate({"brokers": {"home": broker}}), "home")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    return str(write_authority(authority, tmp_path))


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_messages_come_through_tls(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    authority: trustme.CA,
    ca: str,
    version: str,
) -> None:
    lines = (f"tls_version tlsv{version}",)
    broker, port = start_secured(start_mosquitto, tmp_path, authority, lines=lines)
    inbox = Inbox()
    sources.connect(_settings(port, ca=ca, min_version=version), inbox)
    broker.publish_lines("a/b", [str(number) for number in range(15)])
    assert payloads(take_messages(inbox, 15)) == [str(number) for number in range(15)]


def _say_of(sources: Sources, settings: LinkSettings, logged: Logged) -> str:
    """What is said of a broker that refuses, after three tries: one line."""
    source = sources.start(settings, Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert not source.is_connected
    return line


def test_an_unknown_authority_is_refused_and_said_once(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    authority: trustme.CA,
    logged: Logged,
) -> None:
    _, port = start_secured(start_mosquitto, tmp_path, authority)
    other = str(write_authority(trustme.CA(), tmp_path, "other"))
    line = _say_of(sources, _settings(port, ca=other), logged)
    assert "its certificate is not accepted" in line
    assert "give the authority that signed it (PEM) as brokers.home.tls.ca" in line


def test_an_authority_of_ones_own_is_unknown_to_the_system(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    authority: trustme.CA,
    logged: Logged,
) -> None:
    _, port = start_secured(start_mosquitto, tmp_path, authority)
    assert "as brokers.home.tls.ca" in _say_of(sources, _settings(port), logged)


def test_an_expired_certificate_is_refused_and_said_once(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    authority: trustme.CA,
    ca: str,
    logged: Logged,
) -> None:
    leaf = authority.issue_cert(
        "localhost",
        not_before=datetime(2020, 1, 1, tzinfo=UTC),
        not_after=datetime(2020, 2, 1, tzinfo=UTC),
    )
    _, port = start_secured(start_mosquitto, tmp_path, authority, leaf)
    line = _say_of(sources, _settings(port, ca=ca), logged)
    assert "certificate has expired" in line
    assert "renew it on the broker" in line


def test_a_certificate_of_another_name_is_refused_and_said_once(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    authority: trustme.CA,
    ca: str,
    logged: Logged,
) -> None:
    leaf = authority.issue_cert("mqtt.example.org")
    _, port = start_secured(start_mosquitto, tmp_path, authority, leaf)
    line = _say_of(sources, _settings(port, ca=ca), logged)
    assert "not valid for 'localhost'" in line
    assert "have it made for 'localhost'" in line


@pytest.fixture
def old_server(authority: trustme.CA) -> Iterator[int]:
    """The port of a server that speaks TLS 1.2 at most."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("localhost").configure_cert(context)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                visitor, _ = server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), visitor:
                context.wrap_socket(visitor, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_a_broker_with_only_an_older_tls_is_refused_and_said_once(
    sources: Sources, ca: str, logged: Logged, old_server: int
) -> None:
    line = _say_of(sources, _settings(old_server, ca=ca, min_version="1.3"), logged)
    assert "no TLS connection" in line
    assert "does it speak brokers.home.tls.min_version" in line


def test_without_verification_any_certificate_does(
    start_mosquitto: StartMosquitto, sources: Sources, tmp_path: Path
) -> None:
    _, port = start_secured(start_mosquitto, tmp_path, trustme.CA())
    assert sources.connect(_settings(port, verify=False), Inbox()).is_connected


def test_the_brokers_own_certificate_may_be_the_authority(
    start_mosquitto: StartMosquitto, sources: Sources, tmp_path: Path, authority: trustme.CA
) -> None:
    leaf = authority.issue_cert("localhost")
    _, port = start_secured(start_mosquitto, tmp_path, authority, leaf)
    pinned = tmp_path / "pinned.pem"
    leaf.cert_chain_pems[0].write_to_path(str(pinned))
    assert sources.connect(_settings(port, ca=str(pinned)), Inbox()).is_connected


def test_the_certificates_of_these_tests_pass_the_strict_checks_of_python_3_13(
    start_mosquitto: StartMosquitto, tmp_path: Path, authority: trustme.CA
) -> None:
    _, port = start_secured(start_mosquitto, tmp_path, authority)
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    authority.configure_trust(context)
    with (
        socket.create_connection(("localhost", port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        assert secured.getpeercert()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the recipe needs the program openssl")
def test_an_authority_made_by_a_common_recipe_is_accepted(
    start_mosquitto: StartMosquitto, sources: Sources, tmp_path: Path
) -> None:
    """Without a key usage, which Python 3.13 would refuse by default."""
    own = tmp_path / "own.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -noenc -days 2 -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost -keyout {tmp_path}/own.key -out {own}"
    )
    subprocess.run(command.split(), check=True, capture_output=True, timeout=60)
    shown = Identity(own, tmp_path / "own.key")
    _, port = start_secured(start_mosquitto, tmp_path, trustme.CA(), shown)
    assert sources.connect(_settings(port, ca=str(own)), Inbox()).is_connected


def test_a_client_certificate_is_shown(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    authority: trustme.CA,
    ca: str,
) -> None:
    # The certificate alone is the login: its common name becomes the user.
    lines = ("require_certificate true", "use_identity_as_username true")
    _, port = start_secured(start_mosquitto, tmp_path, authority, lines=lines)
    leaf = authority.issue_cert("collector", common_name="collector")
    shown = write_identity(leaf, tmp_path, "client")
    settings = _settings(port, ca=ca, cert=str(shown.certificate), key=str(shown.key))
    assert sources.connect(settings, Inbox()).is_connected


def test_a_missing_client_certificate_is_said_once(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    authority: trustme.CA,
    ca: str,
    logged: Logged,
) -> None:
    lines = ("require_certificate true",)
    _, port = start_secured(start_mosquitto, tmp_path, authority, lines=lines)
    line = _say_of(sources, _settings(port, ca=ca), logged)
    assert "it wants a client certificate" in line
    assert "as brokers.home.tls.cert" in line
    assert "no MQTT broker" not in line


def test_a_client_certificate_of_another_authority_is_said_once(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    authority: trustme.CA,
    ca: str,
    logged: Logged,
) -> None:
    lines = ("require_certificate true",)
    _, port = start_secured(start_mosquitto, tmp_path, authority, lines=lines)
    shown = write_identity(trustme.CA().issue_cert("collector"), tmp_path, "client")
    settings = _settings(port, ca=ca, cert=str(shown.certificate), key=str(shown.key))
    line = _say_of(sources, settings, logged)
    assert "client certificate" in line
    assert "brokers.home.tls.cert" in line
    assert "no MQTT broker" not in line


def test_a_port_without_tls_is_said_once(
    mosquitto: Mosquitto, sources: Sources, logged: Logged
) -> None:
    line = _say_of(sources, _settings(mosquitto.port), logged)
    assert "TLS" in line
    assert "port for TLS" in line


def test_a_file_that_is_no_certificate_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate", encoding="ascii")
    with pytest.raises(StartError, match=r"brokers\.home\.tls\.ca: cannot use") as caught:
        _settings(8883, ca=str(tmp_path / "ca.pem"))
    assert caught.value.exit_status == EX_CONFIG


def test_a_key_of_another_certificate_is_a_fault_of_the_configuration(
    tmp_path: Path, authority: trustme.CA
) -> None:
    one = write_identity(authority.issue_cert("one"), tmp_path, "one")
    two = write_identity(authority.issue_cert("two"), tmp_path, "two")
    with pytest.raises(StartError, match="the key is not the one of this certificate"):
        _settings(8883, cert=str(one.certificate), key=str(two.key))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="encrypts with the program openssl")
@pytest.mark.parametrize(
    ("given", "found"),
    [({}, "key_password is missing"), ({"key_password": "wrong"}, "key_password does not open it")],
    ids=["none", "wrong"],
)
def test_an_encrypted_key_needs_its_password_and_asks_nobody(
    tmp_path: Path, authority: trustme.CA, given: dict[str, str], found: str
) -> None:
    shown = write_identity(authority.issue_cert("one"), tmp_path, "one")
    command = f"openssl pkey -in {shown.key} -aes256 -passout pass:open -out {tmp_path}/locked.key"
    subprocess.run(command.split(), check=True, capture_output=True, timeout=60)
    files = {"cert": str(shown.certificate), "key": str(tmp_path / "locked.key")}
    with pytest.raises(StartError, match=found):
        _settings(8883, **files, **given)
    assert _settings(8883, **files, key_password="open").tls is not None
