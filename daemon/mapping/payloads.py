"""Bytes of a payload to a value: a text, or what a JSON text stands for.

Whatever the bytes are, the answer is a value or an `Unfit`, in time that grows with their number.
"""

from __future__ import annotations

import json
from collections.abc import Container
from typing import Literal

from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import JsonValue

TextKind = Literal["auto", "scalar", "json"]

_JSON_STARTS = ("{", "[", '"')


def decode_text(payload: bytes) -> str:
    """The payload as text, without blanks around it. Raises Unfit for bytes that are no UTF-8."""
    try:
        text = payload.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Unfit(
            Kind.ENCODING, f"byte {error.start} of the payload is no UTF-8 text ({error.reason})"
        ) from None
    return text[1:].lstrip() if text.startswith("\ufeff") else text


def decode_payload(payload: bytes, kind: TextKind, null_words: Container[str] = ()) -> JsonValue:
    """The value of a payload; None where it says that there is none.

    `auto` takes what begins as a JSON object, list or string for JSON and all else for text;
    `scalar` takes all for text. `null_words` are the texts (in lower case) that mean no value.

    Raises:
        Unfit: for bytes that are no UTF-8, and for what should be JSON and is not.
    """
    return value_of(decode_text(payload), kind, null_words)


def value_of(text: str, kind: TextKind, null_words: Container[str] = ()) -> JsonValue:
    """The same for a payload that is text already."""
    if not text:
        return None
    if kind == "json" or (kind == "auto" and text.startswith(_JSON_STARTS)):
        return _parse_json(text, null_words)
    return text


class LastPayload:
    """The value of the payload that was read last: several rules may ask for the same. One thread.

    What it gives is shared, and must not be changed.
    """

    def __init__(self) -> None:
        self._payload: bytes | None = None
        self._kind: TextKind = "auto"
        self._null_words: Container[str] = ()
        self._is_json = False
        self._text = ""
        self._value: JsonValue = None

    def read(
        self, payload: bytes, kind: TextKind, null_words: Container[str]
    ) -> tuple[str, JsonValue]:
        """What `decode_text` and `value_of` make of a payload. Raises Unfit as they do."""
        is_known = (
            payload is self._payload
            and null_words is self._null_words
            and (kind == self._kind or (self._is_json and kind != "scalar"))
        )
        if not is_known:
            text = decode_text(payload)
            value = value_of(text, kind, null_words)
            self._payload, self._kind, self._null_words = payload, kind, null_words
            # An object is the same whether JSON was asked for or found.
            self._is_json = kind != "scalar" and text.startswith(_JSON_STARTS)
            self._text, self._value = text, value
        return self._text, self._value


def _parse_json(text: str, null_words: Container[str]) -> JsonValue:
    try:
        value: JsonValue = json.loads(text)
    except json.JSONDecodeError as error:
        if text.lower() in null_words:
            return None
        hint = "; it looks like UTF-16" if "\0" in text else ""
        raise Unfit(
            Kind.NOT_JSON,
            f"the payload, {show(text)}, is no JSON: {error.msg} at character {error.pos}{hint}",
        ) from None
    except RecursionError:
        raise Unfit(Kind.TOO_DEEP, "the payload's JSON is nested too deep to be read") from None
    except ValueError:
        # json raises it for integers of more than 4,300 digits.
        raise Unfit(Kind.TOO_LONG, "the payload has a number of thousands of digits") from None
    return value
