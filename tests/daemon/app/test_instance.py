"""Who may hold the lock of a data file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.app.instance import InstanceLock, lock_path
from daemon.errors import EX_NOPERM, StartError

_NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lock others out")
def test_root_does_not_collect_into_the_folder_of_another_user(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    os.chown(tmp_path, _NOBODY, -1)
    with pytest.raises(StartError, match="belongs to the user nobody") as raised:
        InstanceLock(lock_path(data), data).acquire()
    assert raised.value.exit_status == EX_NOPERM
    assert list(tmp_path.iterdir()) == []
