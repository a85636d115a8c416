"""`presets`: which there are, and what is in one, to copy and change."""

from __future__ import annotations

from daemon.config import load_preset, preset_names
from daemon.errors import EX_USAGE, StartError


def presets(name: str | None) -> int:
    """Print the presets, or the file of one; 0. Raises StartError for an unknown one."""
    if name is None:
        listed = [load_preset(one) for one in preset_names()]
        width = max((len(one.name) for one in listed), default=0)
        for one in listed:
            print(f"{one.name:{width}}  {one.about}")
            print(f"{'':{width}}  {_prefixes(one.prefixes)}{one.documentation}")
        return 0
    try:
        preset = load_preset(name)
    except ValueError as error:
        raise StartError(str(error), EX_USAGE) from None
    print(preset.path.read_text(encoding="utf-8"), end="")
    return 0


def _prefixes(prefixes: tuple[str, ...]) -> str:
    return f"topics begin with {', '.join(prefixes)}; " if prefixes else ""
