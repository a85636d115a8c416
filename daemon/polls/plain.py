"""What a sensor answers with, as nothing but plain numbers, texts, lists and objects.

A sensor may come from anywhere: what numpy or an enum calls a number is written otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.messages import JsonValue
from daemon.polls.sensor import SensorError

_DEEPEST = 50


def plain(value: object, depth: int = 0) -> JsonValue:
    """The same value, of Python's own types. Raises SensorError for what is no such value."""
    if depth > _DEEPEST:
        raise SensorError("bad-value", f"the sensor's value has more than {_DEEPEST} levels")
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    raise SensorError(
        "bad-value",
        f"the sensor answered with a {type(value).__name__}; a number, a text, or an object or a "
        "list of them is needed",
    )


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise SensorError("bad-value", f"the sensor's object has the key {key!r}; a text is needed")
    return str(key)
