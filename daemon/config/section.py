"""What every section of the configuration shares: frozen, closed to unknown keys, strict types.

Quantities carry their unit in the text (`5s`, `10MB`) and arrive as numbers of seconds or bytes.
Nothing here knows YAML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Strict, ValidationInfo

from daemon.config.quantities import parse_duration, parse_number, parse_size

T = TypeVar("T")


class Section(BaseModel):
    """A part of the configuration; immutable, and every key in it is known."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
    )


def as_tuple(value: object) -> object:
    """A list as a tuple; anything else as it is, for the type check to refuse."""
    return tuple(value) if isinstance(value, list) else value


def resolve_input(value: object, info: ValidationInfo) -> object:
    """A path below the configuration file's folder; `~` is the user's home."""
    return _resolve(value, info, "folder")


def resolve_data(value: object, info: ValidationInfo) -> object:
    """A path below the data folder (see `load_config`); `~` is the user's home."""
    return _resolve(value, info, "data_folder")


def _resolve(value: object, info: ValidationInfo, key: str) -> object:
    if not isinstance(value, (str, Path)):
        return value
    if not str(value).strip() or "\0" in str(value):
        raise ValueError("a path needs at least one character and no NUL")
    path = Path(value).expanduser()
    folder = info.context.get(key) if isinstance(info.context, Mapping) else None
    return path if folder is None else Path(folder) / path


MAX_NAME = 256
_UNCLEAN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").search


def is_clean(text: str) -> bool:
    """Whether a text may be a name or a tag: short, on one line, no half surrogates, and not
    `_none`, which stands for None in the CSV file."""
    return 0 < len(text) <= MAX_NAME and text != "_none" and _UNCLEAN(text) is None


def check_name(text: str) -> str:
    """A name of a tag or field: some text without control characters.

    Raises:
        ValueError: for anything else.
    """
    if not is_clean(text) or text.isspace():
        raise ValueError(f"allowed: 1 to {MAX_NAME} characters, no control characters, not _none")
    return text


def parsed_by(parse: Callable[[str], object]) -> AfterValidator:
    """Lets in what `parse` raises no ValueError for, as it was written."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


def as_text(value: object) -> object:
    """Scalars that YAML takes for numbers or booleans, as the text that was written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(getattr(value, "text", value)) if isinstance(value, (int, float)) else value


def as_keys(value: object) -> object:
    """A mapping with its keys as text."""
    if not isinstance(value, dict):
        return value
    return {as_text(key): part for key, part in value.items()}


def as_texts(value: object) -> object:
    """The same for each value of a mapping."""
    if not isinstance(value, dict):
        return value
    return {as_text(key): as_text(text) for key, text in value.items()}


Items = Annotated[tuple[T, ...], BeforeValidator(as_tuple)]
"""A YAML list."""

Seconds = Annotated[float, BeforeValidator(parse_duration)]
"""A duration with a unit in the text; seconds in the model."""

SizeBytes = Annotated[int, BeforeValidator(parse_size)]
"""A size with a unit in the text; bytes in the model."""

Number = Annotated[float, BeforeValidator(parse_number)]
"""A finite number; text, true and false are refused."""

InputPath = Annotated[Path, BeforeValidator(resolve_input), Strict(False)]
"""A file that the collector reads."""

DataPath = Annotated[Path, BeforeValidator(resolve_data), Strict(False)]
"""A file that the collector writes."""

Name = Annotated[str, AfterValidator(check_name)]
"""Name of a tag, a field or a measurement."""

Tags = Annotated[dict[Name, Name], BeforeValidator(as_texts)]
"""Tags with fixed values."""
