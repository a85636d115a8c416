"""Command polls with real programs, well-behaved and not."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from daemon.polls import SensorError
from daemon.polls.command import CommandSensor
from tests.daemon.waiting import wait_until

LONG_S = 30.0


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script)


def is_dead(pid_file: Path) -> bool:
    """True when the process that wrote its number there is gone, or a zombie nobody took yet."""
    try:
        status = Path(f"/proc/{int(pid_file.read_text())}/stat").read_text()
    except FileNotFoundError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    "printed",
    [
        pytest.param("21.5\n", id="number"),
        pytest.param('{"mm": 0.2}', id="object"),
        pytest.param("", id="nothing"),
        pytest.param("42 µg", id="beyond-ascii"),
    ],
)
def test_reading_is_what_the_program_printed(printed: str) -> None:
    assert CommandSensor(("/usr/bin/printf", "%s", printed)).read(LONG_S) == printed


@pytest.mark.parametrize(
    ("argv", "kind", "told"),
    [
        pytest.param(("/no/such",), "cannot-start", "no program /no/such", id="missing"),
        pytest.param((__file__,), "cannot-start", "not allowed", id="no-program"),
        pytest.param(("a\0b",), "cannot-start", "cannot start", id="nul-in-name"),
        pytest.param(
            shell("echo dust >&2; echo 5; exit 3"), "exit-status",
            "ended with exit status 3: dust", id="exit-status",
        ),
        pytest.param(
            shell("kill -SEGV $$"), "exit-status", "signal 11 and wrote nothing", id="crash"
        ),
        pytest.param(("/usr/bin/printf", r"\377"), "encoding", "no UTF-8 text", id="no-utf8"),
    ],
)  # fmt: skip
def test_bad_end_is_a_named_failure(argv: tuple[str, ...], kind: str, told: str) -> None:
    with pytest.raises(SensorError, match=r".") as failure:
        CommandSensor(argv).read(LONG_S)
    assert failure.value.kind == kind
    assert told in str(failure.value)


def test_script_without_a_first_line_is_explained(tmp_path: Path) -> None:
    script = tmp_path / "rain"
    script.write_bytes(b"\x7fnothing")
    script.chmod(0o755)
    with pytest.raises(SensorError, match="first line such as #!/bin/sh"):
        CommandSensor((str(script),)).read(LONG_S)


def test_program_that_never_ends_is_killed_with_its_children(tmp_path: Path) -> None:
    parent, child = tmp_path / "parent", tmp_path / "child"
    argv = shell(f"echo $$ > {parent}; (echo $BASHPID; sleep 600) & echo $! > {child}; wait")
    with pytest.raises(SensorError, match=r"still running after 0\.5 s") as failure:
        CommandSensor(argv).read(0.5)
    assert failure.value.kind == "timeout"
    wait_until(lambda: is_dead(parent) and is_dead(child), "both processes to be dead")


def test_program_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    argv = shell(f"trap '' TERM; echo $$ > {pid}; while :; do sleep 0.1; done")
    with pytest.raises(SensorError, match="killed"):
        CommandSensor(argv).read(0.3)
    wait_until(lambda: is_dead(pid), "the process to be dead")


@pytest.mark.parametrize(
    "redirect",
    [pytest.param("", id="holds-the-pipe"), pytest.param(">/dev/null 2>&1", id="no-pipe")],
)
def test_child_left_behind_by_a_good_program_is_killed_and_waited_for_by_nobody(
    tmp_path: Path, redirect: str
) -> None:
    child = tmp_path / "child"
    argv = shell(f"sleep 600 {redirect} & echo $! > {child}; echo 7")
    assert CommandSensor(argv).read(LONG_S) == "7\n"
    wait_until(lambda: is_dead(child), "the child to be dead")


DAEMON = (
    "import os, sys, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        os.chdir('/')\n"
    "        os.close(1)\n"
    "        os.close(2)\n"
    "        open(sys.argv[1], 'w').write(str(os.getpid()))\n"
    "        time.sleep(600)\n"
    "    os._exit(0)\n"
    "while not (os.path.exists(sys.argv[1]) and open(sys.argv[1]).read()):\n"
    "    time.sleep(0.01)\n"
)


@pytest.mark.parametrize(
    ("ending", "timeout_s"),
    [
        pytest.param("print(7)", LONG_S, id="good-end"),
        pytest.param("time.sleep(600)", 3, id="hangs"),
    ],
)
def test_daemon_that_a_program_leaves_behind_is_killed(
    tmp_path: Path, ending: str, timeout_s: float
) -> None:
    # A grandchild in a session of its own, with a parent that is gone: no process group holds it.
    pid = tmp_path / "pid"
    sensor = CommandSensor((*python(DAEMON + ending), str(pid)))
    with contextlib.suppress(SensorError):
        assert sensor.read(timeout_s) == "7\n"
    assert pid.read_text()
    wait_until(lambda: is_dead(pid), "the daemon to be dead")


def test_program_that_forks_without_end_is_gone_in_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = tmp_path / "chain"
    # Each link in a session of its own; the first waits until there are some.
    script.write_text(
        f"#!/bin/sh\necho $$ >> {log}\nsleep 0.02\nsetsid {script} next &\n"
        '[ "$1" = next ] || sleep 0.3\n'
    )
    script.chmod(0o755)
    CommandSensor((str(script),)).read(LONG_S)
    length = log.stat().st_size
    assert length > 0
    time.sleep(0.3)
    assert log.stat().st_size == length


def test_program_that_prints_100_mb_is_stopped_early(tmp_path: Path) -> None:
    written = tmp_path / "written"
    argv = python(
        "import os\n"
        f"log = os.open({str(written)!r}, os.O_WRONLY | os.O_CREAT)\n"
        "for number in range(1600):\n"
        "    os.write(1, b'x' * 65536)\n"
        "    os.write(log, b'.')\n"
    )
    with pytest.raises(SensorError, match="printed more than 1000000 bytes") as failure:
        CommandSensor(argv).read(LONG_S)
    assert failure.value.kind == "output-too-long"
    assert 10 <= len(written.read_text()) < 100


def test_flood_on_stderr_is_stopped_too() -> None:
    with pytest.raises(SensorError, match="printed more than"):
        CommandSensor(shell("exec yes >&2")).read(LONG_S)


def test_output_up_to_the_limit_arrives_whole() -> None:
    value = CommandSensor(python("print('7' * 900_000, end='')")).read(LONG_S)
    assert value == "7" * 900_000


def test_cancel_from_another_thread_ends_a_reading(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    sensor = CommandSensor(shell(f"echo $$ > {pid}; exec sleep 600"))
    failures: list[SensorError] = []

    def read() -> None:
        try:
            sensor.read(600)
        except SensorError as error:
            failures.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_until(lambda: pid.exists() and bool(pid.read_text()), "the program to start")
    sensor.cancel()
    reader.join(20)
    assert [failure.kind for failure in failures] == ["cancelled"]
    assert is_dead(pid)


def test_cancel_without_a_reading_does_nothing_and_the_next_reading_works() -> None:
    sensor = CommandSensor(("/bin/echo", "1"))
    sensor.cancel()
    assert sensor.read(LONG_S) == "1\n"
    sensor.cancel()
    assert sensor.read(LONG_S) == "1\n"


def test_readings_leave_no_descriptor_and_no_zombie_behind() -> None:
    sensor = CommandSensor(("/bin/echo", "1"))
    sensor.read(LONG_S)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        sensor.read(LONG_S)
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_program_cannot_speak_to_systemd_in_our_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("HOUSE", "cabin")
    sensor = CommandSensor(shell('echo "$HOUSE/$NOTIFY_SOCKET"'))
    assert sensor.read(LONG_S) == "cabin/\n"


def test_program_has_the_usual_signals_and_an_empty_stdin() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    sensor = CommandSensor(shell("read line || yes | head -n 1"))
    assert sensor.read(LONG_S) == "y\n"
