"""Why a broker does not deliver, in words for the person who can change it. Said once."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
from dataclasses import dataclass

from daemon.clock import Clock
from daemon.errors import SourceError, StartError

_log = logging.getLogger("daemon.sources.mqtt")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is, as the configuration names it."""

    broker: str
    """The broker's name in the configuration."""
    host: str
    port: int
    scheme: str = "mqtt"
    """mqtt, mqtts, ws or wss."""

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme in ("mqtts", "wss")

    @property
    def url(self) -> str:
        """As a person would write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __str__(self) -> str:
        return f"broker {self.broker} at {self.url}"


class RefusedError(SourceError):
    """The broker, or what answers there, refuses us: a person must act."""


class TakenOverError(RefusedError):
    """Another client has taken our session: the broker says so, or it looks like it."""


class StrangerError(RefusedError):
    """What is found there is no broker of ours; where there was one it may only be starting."""

    def __init__(self, text: str, passing: str, trouble: str = "") -> None:
        """`passing` is what to say of a broker that has worked before; what has the same `trouble`
        is said once, in whatever words."""
        super().__init__(text)
        self.passing = passing
        self.trouble = trouble or text


def explain_connect(address: Address, error: OSError) -> SourceError:
    """Why no connection could be made, from what the operating system or TLS said."""
    match error:
        case socket.gaierror():
            unknown = (
                f"{address}: no address is known for the host {address.host!r} ({error.strerror})"
            )
            return StrangerError(
                f"{unknown}; check brokers.{address.broker}.url and the name service",
                f"{unknown}; is the network, or its name service, away?",
            )
        case ssl.SSLCertVerificationError():
            return RefusedError(
                f"{address}: its certificate is not accepted ({error.verify_message}); "
                f"{_certificate_advice(address, error.verify_code)}"
            )
        case ssl.SSLError() if (refusal := _certificate_refusal(address, error)) is not None:
            return refusal
        case ssl.SSLError():
            return StrangerError(
                f"{address}: no TLS connection ({getattr(error, 'reason', None) or error}); "
                "is this the port for TLS, and does it speak "
                f"brokers.{address.broker}.tls.min_version (default 1.2) or later?",
                _starting(address),
            )
        case ConnectionRefusedError():
            return SourceError(f"{address}: nobody listens there (connection refused)")
        case ConnectionError() if address.is_tls:
            return StrangerError(
                f"{address}: it ended the connection when TLS began ({error.strerror}); "
                "is this its port for TLS?",
                _starting(address),
            )
        case TimeoutError():
            return SourceError(f"{address}: no answer (timed out); is it on, and reachable?")
        case OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH):
            return SourceError(f"{address}: no route to it ({error.strerror})")
        case _:
            return SourceError(f"{address}: cannot connect: {error}")


# OpenSSL's X509_V_ERR_ codes, by what a person can do about them (verification errors(3)).
_EXPIRED = 10
_NOT_YET_VALID = 9
_UNTRUSTED = (2, 18, 19, 20, 21)
_WRONG_NAME = (62, 64)


def _certificate_advice(address: Address, code: int) -> str:
    where = f"brokers.{address.broker}"
    if code == _EXPIRED:
        return "renew it on the broker, or set this machine's clock if it runs ahead"
    if code == _NOT_YET_VALID:
        return "this machine's clock is behind, or the certificate is for later"
    if code in _UNTRUSTED:
        return f"give the authority that signed it (PEM) as {where}.tls.ca"
    if code in _WRONG_NAME:
        return (
            f"write a name that the certificate has into {where}.url, or have it made for "
            f"{address.host!r}"
        )
    return f"check {where}.tls.ca, the host name in {where}.url and the clock"


# What a broker says of a client certificate (RFC 8446 section 6.2), as OpenSSL calls it.
_ASKS_FOR_CERTIFICATE = "CERTIFICATE_REQUIRED"
_REFUSES_CERTIFICATE = {
    "UNKNOWN_CA": "it does not know the authority that signed it",
    "BAD_CERTIFICATE": "it calls it broken",
    "UNSUPPORTED_CERTIFICATE": "it cannot use this kind, or not for a client",
    "CERTIFICATE_REVOKED": "it was revoked",
    "CERTIFICATE_EXPIRED": "it has expired, or the broker's clock runs ahead",
    "CERTIFICATE_UNKNOWN": "it gives no reason; its log may",
    "ACCESS_DENIED": "it is valid, but not let in",
}


def _certificate_refusal(address: Address, error: ssl.SSLError) -> RefusedError | None:
    """What is wrong with our certificate, where that is what the broker says; else None."""
    alert = (getattr(error, "reason", None) or "").partition("ALERT_")[2]
    where = f"brokers.{address.broker}.tls"
    if alert == _ASKS_FOR_CERTIFICATE:
        return RefusedError(
            f"{address}: it wants a client certificate, and got none that it takes; give one that "
            f"its authority has signed as {where}.cert, with its key as {where}.key"
        )
    if alert in _REFUSES_CERTIFICATE:
        return RefusedError(
            f"{address}: it refuses our client certificate ({_REFUSES_CERTIFICATE[alert]}); check "
            f"{where}.cert"
        )
    return None


# One trouble: what answers so may answer otherwise the next time.
_NO_BROKER = "no broker"


def explain_no_broker(address: Address, found: str) -> SourceError:
    """What listens there does not speak MQTT."""
    where = f"brokers.{address.broker}"
    hint = (
        f", and {where}.tls.cert if it wants a client certificate"
        if address.is_tls
        else "; a port for TLS needs mqtts://"
        if address.scheme == "mqtt"
        else ""
    )
    return StrangerError(
        f"{address}: what listens there is no MQTT broker: {found}; check {where}.url{hint}",
        _starting(address),
        _NO_BROKER,
    )


def explain_hang_up(address: Address, fault: OSError | None = None) -> SourceError:
    """What listens there ended the connection when it should have answered our CONNECT.

    `fault` is what the network or TLS said, if anything.
    """
    # TLS 1.3 calls the connection made before the broker has looked at our certificate.
    if isinstance(fault, ssl.SSLError) and (refusal := _certificate_refusal(address, fault)):
        return refusal
    error = explain_no_broker(
        address, "it ended the connection without an answer to MQTT's CONNECT"
    )
    return StrangerError(
        f"{error}. If it is one, its log says why: all its connections may be taken, or it does "
        f"not take our last will (retained, QoS 1), see brokers.{address.broker}.announce",
        _starting(address),
        _NO_BROKER,
    )


def explain_no_websocket(address: Address, path: str) -> SourceError:
    """What listens there does not open a WebSocket for MQTT."""
    return StrangerError(
        f"{address}{path}: what listens there opens no WebSocket for MQTT at this path; check "
        f"brokers.{address.broker}.url, and the broker's listener (Mosquitto: protocol websockets)",
        _starting(address),
    )


def _starting(address: Address) -> str:
    return f"{address}: the broker has gone away, or is starting: it does not speak MQTT yet"


def explain_connack(address: Address, code: int, name: str, client_id: str) -> SourceError:
    """Why the broker refused the CONNECT. `code` is MQTT 5's (section 3.2.2.2)."""
    where = f"brokers.{address.broker}"
    advice = {
        0x84: f'it does not speak this version of MQTT; set {where}.protocol: "3.1.1"',
        0x85: f"it does not accept the client id {client_id!r}; set {where}.client_id",
        0x86: f"user name or password is wrong; check {where}.username and {where}.password",
        0x87: f"it refuses this user; check {where}.username and {where}.password, and its own "
        "access rules",
        0x88: "it is not available now",
        0x89: "it is busy now",
        0x8A: "it has banned this client",
        0x99: f"it does not like the payload of {where}.will",
        0x9A: f"it keeps no retained messages; set retain: false in {where}.will and {where}.birth",
        0x9B: f"it takes no messages at QoS 1, as our last will is; set {where}.announce: false",
    }.get(code, "see its log")
    kind = SourceError if code in (0x88, 0x89) else RefusedError
    return kind(f"{address}: refused the connection ({name}): {advice}")


def explain_disconnect(address: Address, code: int, name: str, client_id: str) -> SourceError:
    """Why the broker ended a connection that it had accepted (MQTT 5 section 3.14.2.1)."""
    if code == 0x8E:
        return TakenOverError(
            f"{address}: another client has connected with our client id {client_id!r}; the two "
            f"throw each other out: set brokers.{address.broker}.client_id of one of them"
        )
    where = f"brokers.{address.broker}"
    if code == 0x87:
        return RefusedError(
            f"{address}: the broker ended the connection ({name}); may this user publish its "
            f"status? If not: {where}.announce: false"
        )
    if code == 0x9A:
        return RefusedError(
            f"{address}: the broker ended the connection ({name}): set retain: false in "
            f"{where}.will and {where}.birth"
        )
    return SourceError(f"{address}: the broker ended the connection ({name})")


# A connection that lasted so long counts as good.
STABLE_S = 20.0
# A broker that has worked is given so long to start before something else is said to be there.
_START_S = 60.0


class FaultLog:
    """Says each fault of one broker once, and when it is over.

    Network thread only, but for the three properties, which any thread may read.
    """

    def __init__(self, address: Address, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._said: set[str] = set()
        self._refused: frozenset[str] = frozenset()
        self._trouble = ""
        self._connected_s: float | None = None
        self._began_s: float | None = None
        self._failures = 0
        self._short_lives = 0
        self._has_worked = False

    @property
    def trouble(self) -> str:
        """Why there is no connection; empty while there is one or the first is being made."""
        return self._trouble

    @property
    def refused_filters(self) -> frozenset[str]:
        """The subscriptions that are denied now."""
        return self._refused

    @property
    def failures(self) -> int:
        """Failed tries since the last connection."""
        return self._failures

    def failed(self, error: SourceError) -> None:
        """Log the fault, unless it was said since the last good connection."""
        now_s = self._clock.monotonic_s()
        was_connected = self._connected_s is not None
        if self._connected_s is not None:
            lasted_s = now_s - self._connected_s
            self._connected_s = None
            self._short_lives = self._short_lives + 1 if lasted_s < STABLE_S else 0
        if self._began_s is None:
            self._began_s = now_s
        self._failures += 1
        is_starting = self._has_worked and now_s - self._began_s < _START_S
        if isinstance(error, StrangerError) and is_starting:
            error = SourceError(error.passing)
        if was_connected and self._short_lives >= 3 and not isinstance(error, TakenOverError):
            kind = RefusedError if isinstance(error, RefusedError) else SourceError
            found = str(error).removeprefix(f"{self._address}: ")
            error = kind(
                f"{self._address}: each connection ends within seconds ({found}); see the broker's "
                "log, and the network between"
            )
        self._trouble = str(error)
        if was_connected and self._short_lives < 3 and not isinstance(error, TakenOverError):
            # The end of a connection is said each time, as its beginning is.
            self._said.discard(str(error))
        self._say(error)

    def connected(self, detail: str) -> None:
        """The broker has accepted us."""
        now_s = self._clock.monotonic_s()
        self._connected_s = now_s
        self._has_worked = True
        if self._short_lives >= 2:
            _log.debug("%s: connected again", self._address)
        elif self._began_s is None:
            _log.info("%s: connected (%s)", self._address, detail)
        else:
            _log.info(
                "%s: connected (%s) after %d failed %s in %.0f s",
                self._address,
                detail,
                self._failures,
                "try" if self._failures == 1 else "tries",
                now_s - self._began_s,
            )
        self._began_s = None
        self._failures = 0
        self._trouble = ""

    def is_stable(self) -> bool:
        """Whether the connection has lasted long enough to count as good; then all is forgotten."""
        if self._connected_s is None or self._clock.monotonic_s() - self._connected_s < STABLE_S:
            return False
        if self._short_lives >= 3:
            _log.info("%s: the connection lasts again", self._address)
        self._short_lives = 0
        self._said.clear()
        return True

    def kept(self, error: StartError) -> None:
        """A certificate or password file cannot be read any more; what was read is used on."""
        text = str(error)
        if text not in self._said:
            self._said.add(text)
            _log.warning("%s. What was read from it before is used on", text)

    def refused(self, topic_filter: str, reason: str) -> None:
        """A subscription was denied; said until it is granted only once."""
        if topic_filter not in self._refused:
            self._refused |= {topic_filter}
            _log.error(
                "%s: it does not let us subscribe to %r (%s): give the user the right to read "
                "there, or take the topic out of the configuration. It is tried again",
                self._address,
                topic_filter,
                reason,
            )

    def granted(self, topic_filter: str) -> None:
        """A subscription was granted."""
        if topic_filter in self._refused:
            self._refused -= {topic_filter}
            _log.info("%s: it now lets us subscribe to %r", self._address, topic_filter)

    def _say(self, error: SourceError) -> None:
        text = str(error)
        trouble = error.trouble if isinstance(error, StrangerError) else text
        if trouble in self._said:
            _log.debug("%s", text)
            return
        self._said.add(trouble)
        level = logging.ERROR if isinstance(error, RefusedError) else logging.WARNING
        end = "" if text.endswith("?") else "."
        _log.log(level, "%s%s It is tried again until it works", text, end)
