"""Points that wait for others of their series, in the spool: their messages are acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from daemon.errors import EX_IOERR, StartError
from daemon.messages import JsonValue, Mapped, Outcome
from daemon.spool import HeldItem, Spool, pack_item, unpack_item
from daemon.thinning import Opening, Share, Ticket
from daemon.writer.inbox import Item
from daemon.writer.traces import item_trace
from tinyflux import Point
from tinyflux.times import from_us

_log = logging.getLogger("daemon.writer")

_KIND = "window"
_MAX_BYTES = 64 * 2**20


class WaitingPoints:
    """Writer thread only, but for `len`. Methods that write may raise OSError."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def __len__(self) -> int:
        """How many points wait."""
        return self._spool.count(_KIND)

    @property
    def is_full(self) -> bool:
        """Whether no more should wait."""
        return self._spool.size_bytes >= _MAX_BYTES

    def open(self) -> None:
        """Take up what waits. Raises StartError."""
        self._spool.open()

    def resume(self, written: Sequence[int]) -> list[Share]:
        """What waits still, in the order in which it came; of `written` something is in its place
        already, though nobody could note it. Raises StartError."""
        try:
            known = set(written)
            self._spool.done([number for number in self._spool.waiting(_KIND) if number in known])
            return list(self._shares())
        except OSError as error:
            raise StartError(
                f"cannot use {self._spool.path}, where points wait: {error.strerror}; free some "
                "room, or look at dmesg for the disk's errors",
                EX_IOERR,
            ) from error

    def keep(self, shares: Sequence[Share]) -> None:
        """These wait from now on, and have a number; durable after `sync`."""
        if shares:
            boot_id = self._spool.boot_id
            numbers = self._spool.put(_KIND, [_body(share, boot_id) for share in shares])
            for share, number in zip(shares, numbers, strict=True):
                share.number = number

    def done(self, numbers: Sequence[int]) -> None:
        """What came of these is written."""
        self._spool.done(numbers)

    def items(self) -> Iterator[Item]:
        """The message of each point that waits."""
        for number in self._spool.waiting(_KIND):
            body = self._spool.get(number)
            if body is not None:
                try:
                    yield unpack_item(body).item
                except (KeyError, TypeError, ValueError):
                    continue

    def sync(self) -> None:
        """What waits is on disk."""
        self._spool.sync()

    def commit(self) -> None:
        """What came of all that is done is on disk."""
        self._spool.commit()

    def close(self) -> None:
        """Release the file; safe twice."""
        self._spool.close()

    def _shares(self) -> Iterator[Share]:
        tickets: dict[bytes, Ticket] = {}
        for number in list(self._spool.waiting(_KIND)):
            body = self._spool.get(number)
            try:
                if body is None:
                    raise ValueError("nothing that can be read")
                item = unpack_item(body).item
                point, rule, time_us = _point_of(body)
                opening = _opening_of(body, self._spool.boot_id, time_us, item.received_us)
            except (KeyError, TypeError, ValueError) as error:
                _log.error(
                    "%s: a point that waited cannot be read any more (%s) and is lost; the disk "
                    "may be about to fail",
                    self._spool.path,
                    error,
                )
                self._spool.done([number])
                continue
            name = item_trace(item)
            ticket = tickets.get(name)
            if ticket is None:
                is_settled = body.get("settled") is True
                ticket = Ticket(item, Mapped(Outcome.STORED, rule=rule), is_settled=is_settled)
                tickets[name] = ticket
            yield Share(ticket, point, rule, time_us, opening, number)


def _body(share: Share, boot_id: str) -> dict[str, JsonValue]:
    """A waiting point with its message, as the spool keeps it."""
    item, point, opening = share.ticket.item, share.point, share.opening
    # A point that waits has its time already, so no clock is asked for it again.
    return pack_item(HeldItem(item, "", 0)) | {
        "rule": share.rule,
        "settled": share.ticket.is_settled,
        "time_us": share.time_us,
        "measurement": point.measurement,
        "tags": dict(point.tags),
        "fields": dict(point.fields),
        # In every share: the one that opened the window may be the first to go.
        "opened": {
            "boot": boot_id,
            "monotonic_us": opening.monotonic_us,
            "wall_us": opening.wall_us,
            "first_us": opening.first_us,
        },
    }


def _point_of(body: Mapping[str, JsonValue]) -> tuple[Point, str, int]:
    """The point, its rule and time. Raises KeyError, TypeError or ValueError for anything else."""
    time_us, tags, fields = body["time_us"], body["tags"], body["fields"]
    if not (isinstance(time_us, int) and isinstance(tags, dict) and isinstance(fields, dict)):
        raise TypeError("no point")
    point = Point(
        time=from_us(time_us), measurement=str(body["measurement"]), tags=tags, fields=fields
    )
    return point, str(body["rule"]), time_us


def _opening_of(
    body: Mapping[str, JsonValue], boot_id: str, time_us: int, received_us: int
) -> Opening:
    """When its window began. Raises KeyError or TypeError for anything else."""
    opened = body.get("opened")
    if opened is None:
        # An earlier version has not written it.
        return Opening(time_us, None, received_us)
    if not isinstance(opened, dict):
        raise TypeError("no opening of a window")
    first_us, monotonic_us = opened["first_us"], opened["monotonic_us"]
    wall_us = opened["wall_us"]
    if not (
        isinstance(first_us, int) and isinstance(monotonic_us, int) and isinstance(wall_us, int)
    ):
        raise TypeError("no opening of a window")
    is_this_boot = bool(boot_id) and opened["boot"] == boot_id
    return Opening(first_us, monotonic_us if is_this_boot else None, wall_us)
