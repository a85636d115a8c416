"""File systems on which locks do not hold between machines are warned of, once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tinyflux import TinyFlux
from tinyflux.mounts import REMOTE_TYPES, file_system_type, warn_if_remote

# As proc(5) describes /proc/self/mountinfo.
TABLE = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
31 22 0:44 / /mnt/nas rw,relatime shared:2 master:1 - nfs4 nas:/data rw,vers=4.2
32 22 0:45 /share /mnt/pc rw,relatime - cifs //pc/share rw
33 22 0:46 / /mnt/host rw,relatime - 9p host rw,trans=virtio
34 22 0:47 / /mnt/a\\040b rw,relatime - fuse.sshfs me@pc:/ rw
"""


@pytest.mark.parametrize(
    ("minor", "kind"), [(44, "nfs4"), (45, "cifs"), (46, "9p"), (47, "fuse.sshfs"), (99, None)]
)
def test_the_type_of_a_file_system(minor: int, kind: str | None) -> None:
    assert file_system_type(TABLE, os.makedev(0, minor)) == kind
    assert file_system_type(TABLE, os.makedev(254, 0)) == "ext4"
    assert kind is None or kind in REMOTE_TYPES


def _state(device: int) -> os.stat_result:
    return os.stat_result([0o100644, 1, device, 1, 0, 0, 0, 0, 0, 0])


def test_a_remote_file_system_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    device = os.makedev(0, 44)
    for name in ("a.csv", "b.csv"):
        warn_if_remote(Path(name), _state(device), TABLE)
    assert len(caplog.records) == 1
    assert "a.csv is on a file system of type nfs4: locks there do not hold" in caplog.text
    warn_if_remote(Path("c.csv"), _state(os.makedev(0, 46)), TABLE)
    assert "c.csv is on a file system of type 9p" in caplog.text


def test_a_local_file_system_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    TinyFlux(tmp_path / "data.csv").close()
    warn_if_remote(Path("d.csv"), _state(os.makedev(254, 0)), TABLE)
    assert not caplog.records
