"""Options of one field of a rule: where its value stands and what is made of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from daemon.config.section import Items, Number, Section

Troubled = Literal["drop", "clamp", "reject"]


def _as_words(value: object) -> object:
    """Keys of an enum map as the text a device sends; YAML makes numbers of some of them."""
    if not isinstance(value, dict):
        return value
    return {_as_text(key): number for key, number in value.items()}


def _as_text(key: object) -> object:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key) if isinstance(key, (int, float)) else key


def as_field(value: object) -> object:
    """`mm: $.mm` is short for `mm: {path: $.mm}`; `mm:` alone takes every default."""
    if value is None:
        return {}
    return {"path": value} if isinstance(value, str) else value


class FieldRule(Section):
    """One field. A value that fits none of it is left out and reported; the message's good fields
    are stored all the same."""

    path: str | None = None
    """Where the value stands in a JSON payload: `$.a.b[0]`, `$["switch:0"].apower`. Default: the
    field's own name for a JSON object, the payload itself otherwise."""
    type: Literal["float", "int", "bool", "enum"] | None = None
    """Default float; true and false, and words such as ON and OFF, become 1 and 0. `int` refuses
    fractions, `bool` refuses anything but yes-or-no words and 1 and 0, `enum` needs `enum`."""
    enum: Annotated[dict[str, Number], BeforeValidator(_as_words)] | None = Field(
        None, min_length=1
    )
    """Number to store for each text, as {open: 1, closed: 0}."""
    on_unknown: Literal["reject", "drop"] = "reject"
    """A text that `enum` does not list: report it, or leave the field out."""
    true_words: Items[str] | None = None
    """Texts that mean 1, instead of: true, on, yes, open, online (in any case)."""
    false_words: Items[str] | None = None
    """Texts that mean 0, instead of: false, off, no, closed, offline (in any case)."""
    scale: Number = 1.0
    """The value is multiplied by this, then `offset` is added."""
    offset: Number = 0.0
    """Added after `scale`."""
    unit: str | None = None
    """The unit in which the device reports."""
    store_as: str | None = None
    """The unit to store in; needs `unit`."""
    round: int | None = Field(default=None, ge=0, le=12)
    """Digits kept after the decimal point."""
    min: Number | None = None
    """Smallest plausible value, in the stored unit."""
    max: Number | None = None
    """Largest plausible value, in the stored unit."""
    on_range: Troubled = "reject"
    """A value below min or above max: leave it out in silence (drop), store the bound (clamp), or
    report it (reject)."""
    ignore: Items[Number] = ()
    """Values as reported that mean no value, such as [85.0, -127.0] for a DS18B20."""
    default: Number | None = None
    """Stored where the payload has no value for this field."""
    optional: bool = False
    """True: a payload without this key is no trouble."""


Fields = dict[str, Annotated[FieldRule, BeforeValidator(as_field)]]
