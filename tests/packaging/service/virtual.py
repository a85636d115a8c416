"""Debian booted in qemu: a kernel, a clock and a disk of its own, so that the power can be cut.

Its disk is served by nbdkit, which keeps what is written in memory until the guest flushes it. A
power cut kills both: what was not flushed is gone, as with a disk that has a cache.
"""

from __future__ import annotations

import contextlib
import json
import platform
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.packaging.service.guest import CannotRunError, Said, run_here
from tests.support.ports import free_port

_PATIENCE_S = 300.0
_AGENT_PORT = 9999
_AGENT = f"""\
import json, socketserver, subprocess
class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        command = json.loads(self.rfile.readline())
        done = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = done.stdout.decode(errors="replace")
        self.wfile.write(json.dumps([done.returncode, text]).encode())
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", {_AGENT_PORT}), Answer).serve_forever()
"""
_FILES = {
    "usr/local/lib/agent.py": _AGENT,
    "etc/systemd/system/agent.service": """\
[Unit]
After=network.target
[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/agent.py
WorkingDirectory=/
Environment=HOME=/root
[Install]
WantedBy=multi-user.target
""",
    "etc/systemd/network/wired.network": "[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n",
    "etc/fstab": "/dev/vda / ext4 errors=remount-ro 0 1\n",
}


class VirtualMachine:
    """One machine of 512 MB and one core on a tree that is made into its disk."""

    host = "10.0.2.2"

    def __init__(self, tree: Path) -> None:
        self._folder = tree.parent
        self._log = self._folder / "console.log"
        self._disk = self._folder / "disk.img"
        self._port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._make_disk(tree)

    def boot(self) -> None:
        try:
            self._boot("-accel", "kvm", "-cpu", "host")
        except CannotRunError:
            # Within another virtual machine KVM may be there and not work.
            self.cut_power()
            self._boot("-accel", "tcg", "-cpu", "max")

    def _boot(self, *processor: str) -> None:
        nbd = self._folder / "disk.sock"
        nbd.unlink(missing_ok=True)
        served = ("nbdkit", "--foreground", "--filter=cache", "--unix", str(nbd))
        self._start(*served, "file", str(self._disk), "cache=writeback")
        self._await(nbd.exists, "nbdkit")
        qemu = shutil.which(f"qemu-system-{platform.machine()}")
        if qemu is None:
            raise CannotRunError(f"qemu-system-{platform.machine()} is not installed")
        is_arm = platform.machine() == "aarch64"
        self._start(
            *(qemu, "-m", "512", "-smp", "1", "-nographic", "-no-reboot", "-monitor", "none"),
            *(*processor, *(("-machine", "virt") if is_arm else ())),
            *("-kernel", str(self._folder / "vmlinuz")),
            *("-initrd", str(self._folder / "initrd.img")),
            "-append",
            f"root=/dev/vda rw console={'ttyAMA0' if is_arm else 'ttyS0'} panic=-1 quiet",
            "-drive",
            f"file=nbd+unix:///?socket={nbd},format=raw,if=virtio,cache=writeback",
            "-nic",
            f"user,model=virtio,hostfwd=tcp:127.0.0.1:{self._port}-:{_AGENT_PORT}",
        )
        self._await(self._answers, "the virtual machine")

    def run(self, command: str, timeout_s: float = 300) -> Said:
        with self._asked("cd /; " + command, timeout_s) as answer:
            status, text = json.loads(answer)
        return Said(status, text)

    def cut_power(self) -> None:
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def _asked(self, command: str, timeout_s: float) -> Iterator[str]:
        with socket.create_connection(("127.0.0.1", self._port), timeout=timeout_s) as line:
            line.sendall(json.dumps(command).encode() + b"\n")
            parts = []
            while part := line.recv(1 << 16):
                parts.append(part)
            yield b"".join(parts).decode()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            return self.run("systemctl is-system-running --wait", 60).text.strip() in (
                "running",
                "degraded",
            )
        return False

    def _await(self, is_so: object, what: str) -> None:
        assert callable(is_so)
        deadline_s = time.monotonic() + _PATIENCE_S
        while not is_so():
            has_ended = any(process.poll() is not None for process in self._processes)
            if has_ended or time.monotonic() > deadline_s:
                said = self._log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise CannotRunError(f"{what} does not come up:\n{said}")
            time.sleep(0.5)

    def _start(self, *command: str) -> None:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(process)

    def _make_disk(self, tree: Path) -> None:
        for name, text in _FILES.items():
            (tree / name).write_text(text, encoding="utf-8")
        enabled = ("agent.service", "systemd-networkd.service")
        run_here("systemctl", f"--root={tree}", "enable", *enabled)
        for name, link in (("vmlinuz", "vmlinuz-*"), ("initrd.img", "initrd.img-*")):
            found = next(iter(sorted((tree / "boot").glob(link))), None)
            if found is None:
                raise CannotRunError(f"{tree} has no /boot/{link}")
            shutil.copy(found, self._folder / name)
        self._disk.unlink(missing_ok=True)
        run_here("truncate", "-s", "3G", str(self._disk))
        run_here("mkfs.ext4", "-q", "-F", "-d", str(tree), str(self._disk))
