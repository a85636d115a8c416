"""The decorators that guard a database's operations by what its storage allows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import wraps
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from tinyflux.arguments import lasting
from tinyflux.errors import AccessError, CacheDamageError, NestedChangeError
from tinyflux.storages import CSVStorage, Storage


class HasStorage(Protocol):
    """Anything with a storage and an engine."""

    @property
    def storage(self) -> Storage:
        """The storage."""

    @property
    def engine(self) -> Any:
        """What keeps columns; asked to drop its cache where that was found damaged."""


Method = TypeVar("Method", bound=Callable[..., Any])


class _Changing(threading.local):
    """The places of which this thread decides on a change now."""

    def __init__(self) -> None:
        self.places: set[Hashable] = set()


_changing = _Changing()


def _place(storage: Storage) -> Hashable:
    """What two handles on the same points have in common."""
    return storage.path if isinstance(storage, CSVStorage) else id(storage)


@contextmanager
def changing(storage: Storage) -> Iterator[None]:
    """Within it this thread can change `storage` by nothing else, through no handle.

    Functions of the caller run while a change is decided on. What they changed would be lost or
    doubled when the change is carried out, or wait for the lock that this very thread holds.
    """
    place = _place(storage)
    _changing.places.add(place)
    try:
        yield
    finally:
        _changing.places.discard(place)


def _require_no_change(storage: Storage) -> None:
    if _place(storage) in _changing.places:
        raise NestedChangeError(
            f"{getattr(storage, 'path', type(storage).__name__)} is being changed: a function that "
            f"this change calls cannot insert, update or remove there; collect what it should do "
            f"and do it afterwards, or pass it all to apply()"
        )


def _guarded(what: str) -> Callable[[Method], Method]:
    is_allowed = attrgetter(f"can_{what}")

    def decorate(method: Method) -> Method:
        @wraps(method)
        def guarded(self: HasStorage, *args: Any, **kwargs: Any) -> Any:
            if not is_allowed(self.storage):
                raise AccessError(self.storage.refusal(what))
            if _changing.places and what != "read":
                _require_no_change(self.storage)
            if what != "append":  # what is appended may be endless, and touches no columns
                args = tuple(map(lasting, args))
                kwargs = {name: lasting(value) for name, value in kwargs.items()}
            try:
                return method(self, *args, **kwargs)
            except CacheDamageError as error:
                # Found only when a block was touched. Nothing was changed yet: the columns come
                # before any write.
                self.engine.discard_cache(error)
                return method(self, *args, **kwargs)

        return guarded  # type: ignore[return-value]

    return decorate


def append_op(method: Method) -> Method:
    """Raise OSError before `method` runs if the storage cannot be appended to."""
    return _guarded("append")(method)


def read_op(method: Method) -> Method:
    """Raise OSError before `method` runs if the storage cannot be read.

    One-shot iterators reach it as tuples: it may be run again where the index cache is damaged. So
    with `write_op`.
    """
    return _guarded("read")(method)


def write_op(method: Method) -> Method:
    """Raise OSError before `method` runs if stored points cannot be changed."""
    return _guarded("write")(method)


def reset_op(method: Method) -> Method:
    """Raise OSError before `method` runs if the storage cannot be emptied."""
    return _guarded("reset")(method)


def temp_storage_op(method: Method) -> Method:
    """Run `method` as it is: a change here needs no auxiliary storage to be set up or removed."""

    @wraps(method)
    def run(self: HasStorage, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs)

    return run  # type: ignore[return-value]
