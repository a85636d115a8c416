"""How the collector gets into a broker: certificates, and what it says of itself there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, SecretStr, field_validator, model_validator

from daemon.config.section import InputPath, Section

TlsVersion = Literal["1.2", "1.3"]


def _as_version(value: object) -> object:
    # `min_version: 1.3` without quotes is a number to YAML.
    return str(getattr(value, "text", value)) if isinstance(value, float) else value


def _check_topic_name(topic: str | None) -> str | None:
    if topic is not None and (not topic or "+" in topic or "#" in topic or "\0" in topic):
        raise ValueError("a topic to publish on is not empty and has neither + nor #")
    return topic


class TlsConfig(Section):
    """How to trust the broker, and how to be trusted."""

    ca: InputPath | None = None
    """File with the certificate authority (PEM), or with the broker's own certificate; default:
    the authorities of the system."""
    cert: InputPath | None = None
    """File with the client certificate (PEM)."""
    key: InputPath | None = None
    """File with the client certificate's private key (PEM)."""
    key_password: SecretStr | None = None
    """Of an encrypted key; best written as `!secret name`."""
    min_version: Annotated[TlsVersion, BeforeValidator(_as_version)] = "1.2"
    """The oldest TLS that is spoken, `"1.2"` or `"1.3"`."""
    verify: bool = True
    """False is insecure: any certificate does, so whoever sits in between can read and change
    everything, the password included."""

    @model_validator(mode="after")
    def _check(self) -> TlsConfig:
        if (self.cert is None) != (self.key is None):
            raise ValueError("`cert` and `key` belong together: give both or neither")
        if self.key_password is not None and self.key is None:
            raise ValueError("`key_password` needs a `key` beside it")
        if not self.verify and self.ca is not None:
            raise ValueError("`verify: false` looks at no authority: remove `ca`, or `verify`")
        return self


class Announcement(Section):
    """A message that says whether the collector is there."""

    topic: str | None = None
    """Where it is published. Default: tinyflux-collector/<collector.name>/status."""
    payload: str | None = None
    """What is published. Default: `offline` as will, `online` as birth."""
    retain: bool = True
    """Whether the broker keeps it for those who subscribe later."""

    _topic = field_validator("topic")(_check_topic_name)
