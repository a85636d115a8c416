"""Items as the spool keeps them."""

from __future__ import annotations

import json

from daemon.messages import Message
from daemon.spool import HeldItem, pack_item, unpack_item


def test_a_message_whose_payload_was_cut_comes_back_as_one() -> None:
    """Taken for whole, a rule might read what is left of it."""
    held = HeldItem(Message("home", "a/b", b"[1", 5, cut_bytes=90), "boot", 7)
    assert unpack_item(json.loads(json.dumps(pack_item(held)))) == held


def test_a_line_of_an_earlier_version_is_a_whole_message() -> None:
    held = HeldItem(Message("home", "a/b", b"1", 5), "boot", 7)
    body = {name: value for name, value in pack_item(held).items() if name != "cut_bytes"}
    assert unpack_item(body) == held
