"""A make-believe Debian machine: a PATH with stand-ins for apt, sudo, id and Python.

The real ones would install packages or ask the network. Each stand-in notes its call, and a file
in `state/` turns a trait of the machine on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_SCRIPT = Path(__file__).parents[2] / "tools" / "environment.sh"
_REAL_PROGRAMS = (
    "sh",
    "env",
    "cat",
    "sed",
    "head",
    "mkdir",
    "cp",
    "touch",
    "true",
    "grep",
    "sha256sum",
    "dirname",
)

_PYTHON = """
echo "python $*" >>"$MACHINE/calls"
case "$*" in
    --version) echo "Python $(cat "$MACHINE/state/python-version")" ;;
    *'version_info < (3, 11)'*) grep -q ^3.11 "$MACHINE/state/python-version" ;;
    *'-venv"'*) echo python3.11-venv ;;
    *'import ensurepip'*) [ -e "$MACHINE/state/ensurepip" ] ;;
    *realpath*) cat "$MACHINE/state/python-path" 2>/dev/null || echo "$0" ;;
    *sys.prefix*) cat "$MACHINE/state/python-version"; echo "$PWD/${0%/bin/*}" ;;
    '-m venv --clear .venv') mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    '-m pip install'*) [ -e "$MACHINE/state/network" ] ;;
esac
"""
_APT_GET = """
echo "apt-get $*" >>"$MACHINE/calls"
[ -e "$MACHINE/state/network" ] || exit 100
case "$*" in *' update') touch "$MACHINE/state/package-lists" ;; esac
case "$*" in
    *' install '*)
        [ -e "$MACHINE/state/package-lists" ] || exit 100
        touch "$MACHINE/state/ensurepip" ;;
esac
"""


class Machine:
    """A checkout on a machine with Python 3.11 and apt, without venv, root, sudo or network."""

    def __init__(self, directory: Path) -> None:
        self.checkout = directory / "a checkout"
        self._root = directory / "machine"
        self._bin = self._root / "bin"
        for folder in (self.checkout, self._bin, self._root / "state"):
            folder.mkdir(parents=True)
        (self.checkout / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
        for name in _REAL_PROGRAMS:
            (self._bin / name).symlink_to(str(shutil.which(name)))
        self.set_python_version("3.11.2")
        self.add_program("python3", _PYTHON)
        self.add_program("apt-get", _APT_GET)
        self.add_program("id", 'if [ -e "$MACHINE/state/root" ]; then echo 0; else echo 1000; fi')

    def add_program(self, name: str, text: str = "") -> None:
        """Put a shell script on the machine's PATH."""
        path = self._bin / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def add_passwordless_sudo(self) -> None:
        """A sudo that runs what it is given, as `sudo -n` does without a password."""
        self.add_program("sudo", 'shift; echo "sudo $*" >>"$MACHINE/calls"; exec "$@"')

    def turn_on(self, trait: str) -> None:
        """One of root, network, package-lists, ensurepip."""
        (self._root / "state" / trait).touch()

    def turn_off(self, trait: str) -> None:
        """Take a trait away again."""
        (self._root / "state" / trait).unlink()

    def set_python_version(self, version: str) -> None:
        """What the machine's python3 says that it is."""
        (self._root / "state" / "python-version").write_text(version, encoding="utf-8")

    def set_python_path(self, path: str) -> None:
        """Where the machine's python3 says that it really is."""
        (self._root / "state" / "python-path").write_text(f"{path}\n", encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """tools/environment.sh with these arguments, in the checkout; the status is not checked."""
        return self.run_script(_SCRIPT, *arguments, **environment)

    def run_script(
        self, script: Path, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Another script of the real checkout; the status is not checked."""
        return subprocess.run(
            ["/bin/sh", str(script), *arguments],
            cwd=self.checkout,
            env={"PATH": str(self._bin), "MACHINE": str(self._root), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def take_calls(self, program: str) -> list[str]:
        """The calls of a stand-in since the last time, as command lines."""
        path = self._root / "calls"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line for line in lines if line.startswith(f"{program} ")]

    def move_checkout(self) -> None:
        """Rename the checkout's folder, as a person does."""
        moved = self.checkout.with_name("moved checkout")
        os.rename(self.checkout, moved)
        self.checkout = moved
