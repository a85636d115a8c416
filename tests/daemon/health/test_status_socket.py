"""A running collector answers how it is; a killed, a silent or no collector does not."""

from __future__ import annotations

import itertools
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from daemon.health import StatusSocket, ask_status, socket_path
from tests.daemon.waiting import wait_until

Serve = Callable[..., StatusSocket]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts one; stopped at the end."""
    started: list[StatusSocket] = []

    def start(
        data: Path,
        snapshot: Callable[[], Mapping[str, object]] = lambda: {"number": 1},
        environment: Mapping[str, str] | None = None,
    ) -> StatusSocket:
        served = StatusSocket(data, snapshot, environment or {}, answer_s=0.3)
        served.start()
        started.append(served)
        return served

    yield start
    for served in started:
        served.stop()


def test_each_question_gets_what_is_true_now(tmp_path: Path, serve: Serve) -> None:
    numbers = itertools.count()
    data = tmp_path / "data.csv"
    serve(data, lambda: {"number": next(numbers)})
    assert [ask_status(data), ask_status(data)] == [{"number": 0}, {"number": 1}]


def test_a_long_answer_arrives_whole(tmp_path: Path, serve: Serve) -> None:
    text = "x" * 3_000_000
    data = tmp_path / "data.csv"
    serve(data, lambda: {"text": text})
    assert ask_status(data) == {"text": text}


def test_every_user_may_ask(tmp_path: Path, serve: Serve) -> None:
    before = os.umask(0o077)
    try:
        serve(tmp_path / "data.csv")
    finally:
        os.umask(before)
    assert stat.S_IMODE(socket_path(tmp_path / "data.csv").stat().st_mode) == 0o666


def test_it_is_in_the_runtime_directory_with_a_link_beside_the_data(
    tmp_path: Path, serve: Serve
) -> None:
    data, memory = tmp_path / "data" / "data.csv", tmp_path / "run"
    data.parent.mkdir()
    memory.mkdir()
    served = serve(data, environment={"RUNTIME_DIRECTORY": f"{memory}:/elsewhere"})
    assert ask_status(data) == {"number": 1}
    assert socket_path(data).readlink().parent == memory
    served.stop()
    assert [*data.parent.iterdir(), *memory.iterdir()] == []


def test_a_runtime_directory_that_is_none_leaves_it_beside_the_data(
    tmp_path: Path, serve: Serve
) -> None:
    data = tmp_path / "data.csv"
    serve(data, environment={"RUNTIME_DIRECTORY": "/proc/no"})
    assert ask_status(data) == {"number": 1}


def test_neither_a_deep_folder_nor_a_long_name_is_too_long(tmp_path: Path, serve: Serve) -> None:
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 8)
    folder.mkdir(parents=True)
    data = folder / f"{'n' * 200}.csv"
    serve(data)
    assert ask_status(data) == {"number": 1}


def test_nobody_answers_where_there_is_none_or_no_more(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "data.csv"
    assert ask_status(data) is None
    served = serve(data)
    served.stop()
    served.stop()
    assert ask_status(data) is None
    assert list(tmp_path.iterdir()) == []


_KILLED = """
import os, signal, sys
from pathlib import Path
from daemon.health import StatusSocket
StatusSocket(Path(sys.argv[1]), dict, {}).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_collector_left_is_no_trouble(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "data.csv"
    subprocess.run([sys.executable, "-c", _KILLED, str(data)], check=False, timeout=60)
    assert socket_path(data).is_socket()
    assert ask_status(data) is None
    serve(data)
    assert ask_status(data) == {"number": 1}


def test_a_file_of_somebody_else_stays(
    tmp_path: Path, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data.csv"
    socket_path(data).write_text("mine", encoding="ascii")
    serve(data)
    assert "no socket: move it away" in caplog.text
    assert socket_path(data).read_text(encoding="ascii") == "mine"


def test_the_next_collectors_socket_stays_when_the_last_one_ends(
    tmp_path: Path, serve: Serve
) -> None:
    data = tmp_path / "data.csv"
    last = serve(data, lambda: {"number": 0})
    serve(data)
    last.stop()
    assert ask_status(data) == {"number": 1}


def test_who_asks_and_does_not_read_holds_nobody_up_for_long(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "data.csv"
    serve(data, lambda: {"text": "x" * 3_000_000})
    with socket.socket(socket.AF_UNIX) as rude:
        rude.connect(str(socket_path(data)))
        wait_until(lambda: ask_status(data) is not None, "an answer")


def test_one_who_is_there_and_silent_is_told_from_nobody(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(socket_path(data)))
        silent.listen(1)
        with pytest.raises(TimeoutError):
            ask_status(data, timeout_s=0.05)
