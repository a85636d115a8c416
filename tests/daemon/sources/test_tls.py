"""TLS: the broker's certificate is checked, and ours is shown."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.config import BrokerConfig
from daemon.errors import EX_CONFIG, StartError
from daemon.sources import LinkSettings, link_settings
from daemon.writer import Inbox
from tests.daemon.sources.conftest import Sources, payloads, take_messages
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.ports import free_port

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="certificates are made with the program openssl"
)


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self.key = folder / f"{name}.key"
        self.certificate = folder / f"{name}.pem"
        self._openssl(
            *("req", "-x509", "-subj", f"/CN={name}", "-days", "2", "-newkey", "rsa:2048"),
            *("-noenc", "-keyout", str(self.key), "-out", str(self.certificate)),
        )

    def issue(self, name: str, *options: str) -> tuple[Path, Path]:
        """Certificate and key for a name."""
        key, request = self._folder / f"{name}.key", self._folder / f"{name}.csr"
        certificate, extensions = self._folder / f"{name}.pem", self._folder / f"{name}.ext"
        self._openssl(
            *("req", "-subj", f"/CN={name}", "-newkey", "rsa:2048", "-noenc"),
            *("-keyout", str(key), "-out", str(request)),
        )
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n", encoding="ascii")
        self._openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate)),
            *("-CAkey", str(self.key), "-CAcreateserial", "-out", str(certificate)),
            *("-extfile", str(extensions), *(options or ("-days", "2"))),
        )
        return certificate, key

    @staticmethod
    def _openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


def _secured(
    start_mosquitto: StartMosquitto, authority: Authority, *options: str, asks: bool = False
) -> tuple[Mosquitto, int]:
    """A broker with a second listener for TLS, and its port."""
    certificate, key = authority.issue("broker", *options)
    port = free_port()
    listener = [
        f"listener {port} 127.0.0.1",
        f"certfile {certificate}",
        f"keyfile {key}",
        f"cafile {authority.certificate}",
        f"require_certificate {'true' if asks else 'false'}",
    ]
    # A file of its own, because a line here would replace the listener without TLS.
    folder = certificate.with_name("conf.d")
    folder.mkdir()
    (folder / "tls.conf").write_text("\n".join(listener) + "\n", encoding="utf-8")
    return start_mosquitto(lines=[f"include_dir {folder}"]), port


def _settings(port: int, **tls: object) -> LinkSettings:
    options = {"username": "collector", "password": "s3cret", "tls": tls}
    url = f"mqtts://localhost:{port}"
    return link_settings("home", BrokerConfig.model_validate({"url": url, **options}), "collector")


def test_messages_come_through_tls(
    start_mosquitto: StartMosquitto, sources: Sources, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "home")
    broker, port = _secured(start_mosquitto, authority)
    inbox = Inbox()
    sources.connect(_settings(port, ca=str(authority.certificate)), inbox)
    broker.publish_lines("a/b", [str(number) for number in range(15)])
    assert payloads(take_messages(inbox, 15)) == [str(number) for number in range(15)]


def test_an_unknown_authority_is_refused_and_said_once(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    tmp_path: Path,
    logged: Callable[[int], list[str]],
) -> None:
    _, port = _secured(start_mosquitto, Authority(tmp_path, "home"))
    other = Authority(tmp_path, "other")
    source = sources.start(_settings(port, ca=str(other.certificate)), Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "its certificate is not accepted" in line
    assert "check brokers.home.tls.ca" in line


def test_without_verification_any_certificate_does(
    start_mosquitto: StartMosquitto, sources: Sources, tmp_path: Path
) -> None:
    _, port = _secured(start_mosquitto, Authority(tmp_path, "home"))
    source = sources.connect(_settings(port, verify=False), Inbox())
    assert source.is_connected


def test_a_client_certificate_is_shown(
    start_mosquitto: StartMosquitto, sources: Sources, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "home")
    _, port = _secured(start_mosquitto, authority, asks=True)
    certificate, key = authority.issue("collector")
    settings = _settings(port, ca=str(authority.certificate), cert=str(certificate), key=str(key))
    assert sources.connect(settings, Inbox()).is_connected


def test_a_port_without_tls_is_said_once(
    mosquitto: Mosquitto, sources: Sources, logged: Callable[[int], list[str]]
) -> None:
    source = sources.start(_settings(mosquitto.port), Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "TLS" in line
    assert "port for TLS" in line


def test_a_file_that_is_no_certificate_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate", encoding="ascii")
    with pytest.raises(StartError, match=r"brokers\.home\.tls: ca: cannot use") as caught:
        _settings(8883, ca=str(tmp_path / "ca.pem"))
    assert caught.value.exit_status == EX_CONFIG
