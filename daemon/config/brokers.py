"""Options of one MQTT broker: where it is, how to log in, how to keep the session."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from daemon.config.access import Announcement, TlsConfig
from daemon.config.discovery import DiscoveryConfig, as_discovery
from daemon.config.presets import PresetUse, PresetUses
from daemon.config.section import InputPath, Seconds, Section

_URL = re.compile(
    r"(?:(mqtts?)|wss?)://(\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]?#]+)(?::(\d{1,5}))?"
    r"(?(1)/?|((?:/[^\s#]*)?))"
)
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/:@\[\]?#]+):(\d{1,5})")
_DEFAULT_PORT = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
_WEBSOCKET_PATH = "/mqtt"


def _as_protocol(value: object) -> object:
    return "5" if value == 5 and not isinstance(value, bool) else value


class Reconnect(Section):
    """The wait before the next try to connect; doubled after each failure, from min to max."""

    min_s: Seconds = Field(default=1.0, validation_alias="min", gt=0)
    """First wait."""
    max_s: Seconds = Field(default=30.0, validation_alias="max", gt=0)
    """Longest wait."""

    @model_validator(mode="after")
    def _check(self) -> Reconnect:
        if self.min_s > self.max_s:
            raise ValueError("`min` is at most `max`")
        return self


class BrokerConfig(Section):
    """One MQTT broker."""

    url: str
    """`mqtt://host:port`, `mqtts://host:port` (TLS), `ws://host:port/path` or `wss://host:port/path`
    (WebSocket, without and with TLS; default path /mqtt), or `embedded`: a broker run by the
    collector itself, MQTT 3.1.1, good for a first try."""
    listen: str | None = None
    """Embedded only: address and port, such as 0.0.0.0:1883, so that devices can reach it.
    Default: a free port of 127.0.0.1, which only this machine reaches."""
    protocol: Annotated[Literal["3.1.1", "5"], BeforeValidator(_as_protocol)] = "3.1.1"
    """MQTT version, `"3.1.1"` or `"5"`."""
    client_id: str | None = Field(default=None, min_length=1, max_length=65535)
    """Default: made from collector.name, the machine's id and the configuration's path, so that it
    stays the same and the broker keeps the session."""
    username: str | None = Field(default=None, min_length=1)
    """User name; with `embedded`, the one that clients must give."""
    password: SecretStr | None = None
    """Best written as `!secret name`."""
    password_file: InputPath | None = None
    """Instead of `password`: a file with nothing but the password, as systemd's credentials and
    containers have them."""
    tls: TlsConfig | None = None
    """Only with mqtts and wss."""
    keepalive_s: Seconds = Field(default=60.0, validation_alias="keepalive", ge=5, le=65535)
    """A silent connection is found dead after about this time."""
    session_expiry_s: Seconds | None = Field(
        default=None, validation_alias="session_expiry", ge=1, le=4294967294
    )
    """MQTT 5: how long the broker keeps messages for the collector while it is away. Default 7d.
    On 3.1.1 the broker decides."""
    reconnect: Reconnect = Field(default_factory=Reconnect)
    """Waits between tries to connect."""
    inflight: int | None = Field(default=None, ge=1, le=65535)
    """Messages that the broker sends without waiting for an acknowledgement. MQTT 5: asked for as
    receive maximum, default 200. 3.1.1: the broker decides; say here what it is set to, default
    20."""
    announce: bool = True
    """False: neither will nor birth is published."""
    will: Announcement = Field(default_factory=Announcement)
    """Published by the broker when the collector vanishes, and by the collector when it stops."""
    birth: Announcement = Field(default_factory=Announcement)
    """Published by the collector each time it has connected."""
    presets: PresetUses = ()
    """Rules for the devices of known projects, after those of `sources`: names, or a name with the
    prefixes of its topics, as {esphome: {prefixes: [boiler, attic]}}. `tinyflux-collector presets`
    lists them."""
    discovery: Annotated[DiscoveryConfig | None, BeforeValidator(as_discovery)] = None
    """Rules for devices that announce themselves for Home Assistant, after all others: true, or its
    options."""

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        match = _URL.fullmatch(url)
        if url != "embedded" and (match is None or not 0 < int(match[3] or 1) < 65536):
            raise ValueError(
                "a broker's url is mqtt://host:port, mqtts://host:port, ws://host:port/path, "
                "wss://host:port/path or embedded; user name and password have keys of their own"
            )
        return url

    @field_validator("presets")
    @classmethod
    def _check_presets(cls, presets: tuple[PresetUse, ...]) -> tuple[PresetUse, ...]:
        names = [preset.name for preset in presets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"the preset {name!r} stands twice; give its `prefixes` in one place, as "
                    f"{{{name}: {{prefixes: [a, b]}}}}"
                )
        return presets

    @field_validator("listen")
    @classmethod
    def _check_listen(cls, listen: str | None) -> str | None:
        match = _LISTEN.fullmatch(listen or "127.0.0.1:0")
        if match is None or int(match[2]) > 65535:
            raise ValueError("this is address:port, such as 0.0.0.0:1883 (port 0: a free one)")
        return listen

    @model_validator(mode="after")
    def _check(self) -> BrokerConfig:
        if self.password is not None and self.password_file is not None:
            raise ValueError("`password` and `password_file` say the same: give one of them")
        if self.has_password and self.username is None:
            raise ValueError("a password needs a `username` beside it")
        if self.tls is not None and not self.is_tls:
            raise ValueError("`tls` needs a url that begins with mqtts:// or wss://")
        if self.is_embedded and self.password_file is not None:
            raise ValueError("the embedded broker takes its password from `password`")
        if not self.announce and {"will", "birth"} & self.model_fields_set:
            raise ValueError("`announce: false` publishes neither `will` nor `birth`: remove them")
        if self.listen is not None and not self.is_embedded:
            raise ValueError("`listen` needs `url: embedded`")
        if self.is_embedded and self.protocol != "3.1.1":
            raise ValueError('the embedded broker speaks `protocol: "3.1.1"` only')
        if self.session_expiry_s is not None and self.protocol != "5":
            raise ValueError('`session_expiry` needs `protocol: "5"`; on 3.1.1 the broker decides')
        return self

    @property
    def is_embedded(self) -> bool:
        """Whether the collector runs this broker itself."""
        return self.url == "embedded"

    @cached_property
    def scheme(self) -> str:
        """`mqtt`, `mqtts`, `ws`, `wss` or `embedded`."""
        return self.url.partition(":")[0]

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme in ("mqtts", "wss")

    @property
    def websocket_path(self) -> str | None:
        """The path of a WebSocket; None for plain MQTT."""
        match = _URL.fullmatch(self.url)
        return None if match is None or match[1] else match[4] or _WEBSOCKET_PATH

    @property
    def has_password(self) -> bool:
        """Whether one is given, directly or by a file."""
        return self.password is not None or self.password_file is not None

    @cached_property
    def address(self) -> tuple[str, int]:
        """Host (without brackets) and port to connect to; to listen on for `embedded`, 0 = free."""
        if self.is_embedded:
            match = _LISTEN.fullmatch(self.listen or "127.0.0.1:0")
            assert match is not None
            return match[1].strip("[]"), int(match[2])
        match = _URL.fullmatch(self.url)
        assert match is not None
        return match[2].strip("[]"), int(match[3] or _DEFAULT_PORT[self.scheme])

    @property
    def inflight_window(self) -> int:
        """How many unacknowledged messages to expect at most."""
        return self.inflight or (200 if self.protocol == "5" else 20)

    @property
    def session_s(self) -> int:
        """The MQTT 5 session expiry to ask for, seconds."""
        return round(self.session_expiry_s or 7 * 86400)
