"""A name that is not there, and the nearest ones that are. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from daemon.errors import RequestError

_MOST_SHOWN = 12


def require_known(kind: str, name: str, known: Collection[str], where: str) -> None:
    """Raise RequestError, with the nearest names, where `name` is not among the known ones.

    `kind` as `measurement` or `tag`; `where` as `of climate`.
    """
    if name not in known:
        raise RequestError(f"there is no {kind} {name!r} {where}; {nearest(kind, name, known)}")


def nearest(kind: str, name: str, known: Collection[str]) -> str:
    """Which names may have been meant, and else which there are."""
    if not known:
        return f"no {kind} is there at all"
    folded: dict[str, str] = {}
    for one in sorted(known):
        folded.setdefault(one.casefold(), one)
    close = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(folded[one]) for one in close)}?"
    shown = ", ".join(repr(one) for one in sorted(known)[:_MOST_SHOWN])
    more = f" and {len(known) - _MOST_SHOWN} more" if len(known) > _MOST_SHOWN else ""
    return f"there is {shown}{more}"
