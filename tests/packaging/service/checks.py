"""What must be true of the service on a booted system, step by step; each step says what it saw."""

from __future__ import annotations

import json
import re
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.packaging.service.guest import Guest, must, wait_for
from tests.support.mosquitto import Mosquitto
from tests.support.publisher import NumberPublisher

SERVICE = "tinyflux-collector"
CONFIG = f"/etc/{SERVICE}/config.yaml"
DATA = f"/var/lib/{SERVICE}/data/points.csv"
_INSTALL = "PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels {checkout}/systemd/install"
_QUERY = """
import json, sys
from tinyflux import MeasurementQuery, TinyFlux
db = TinyFlux(sys.argv[1], access_mode="r")
found = db.search(MeasurementQuery() == "numbers", sorted=False)
print(json.dumps([[p.tags["publisher"], p.fields["value"]] for p in found]))
"""
_EXPOSURE = 2.2


def configuration(guest: Guest, broker: Mosquitto, extra: str = "") -> str:
    """As an administrator would write it, for a broker on the machine outside."""
    return textwrap.dedent(
        f"""\
        collector: {{name: house, clock: {{wait_for_sync: 0s}}}}
        brokers:
          home:
            url: mqtt://{guest.host}:{broker.port}
            username: {broker.username}
            password: !secret mqtt
            reconnect: {{min: 200ms, max: 1s}}
            keepalive: 5s
        sources:
          - {{topic: n/+publisher, measurement: numbers}}
        polls:
          - system: {{every: 2s}}
        storage: {{path: data/points.csv, commit: {{interval: 1s}}}}
        """
    ) + textwrap.dedent(extra)


class Checks:
    """One installed service and the broker that it listens to."""

    def __init__(self, guest: Guest, broker: Mosquitto) -> None:
        self.guest = guest
        self.broker = broker
        self._published: Counter[str] = Counter()
        self._n_publishers = 0

    # --- installation

    def installs(self) -> str:
        """From nothing, and again without a change."""
        said = must(self.guest, _INSTALL.format(checkout="/checkout"), 1200)
        assert f"The collector {self._version()} runs." in said, said
        pid = self._pid()
        again = must(self.guest, _INSTALL.format(checkout="/checkout"))
        assert "is there already" in again, again
        assert self._pid() == pid, "an installation of the same restarted the service"
        assert must(self.guest, f"systemctl is-enabled {SERVICE}") == "enabled"
        modes = must(self.guest, f"stat -c '%a %U:%G' {CONFIG} /var/lib/{SERVICE} {DATA}")
        owner = f"{SERVICE}:{SERVICE}"
        assert modes.splitlines() == [f"640 root:{SERVICE}", f"755 {owner}", f"644 {owner}"], modes
        exposure = must(self.guest, f"systemd-analyze security --no-pager {SERVICE} | tail -n 1")
        found = re.search(r": ([0-9.]+)", exposure)
        assert found is not None, exposure
        assert float(found[1]) <= _EXPOSURE, exposure
        return f"version {self._version()}, exposure {found[1]}"

    def takes_a_configuration(self) -> str:
        """That of the broker outside, by a restart that waits for READY."""
        self._write(f"/etc/{SERVICE}/secrets.yaml", f"mqtt: {self.broker.password}\n")
        self._write(CONFIG, configuration(self.guest, self.broker))
        began_s = time.monotonic()
        must(self.guest, f"systemctl restart {SERVICE}")
        took_s = time.monotonic() - began_s
        self._wait_for_log("connected (MQTT")
        return f"stop and start to READY in {took_s:.1f} s"

    # --- work

    def stores_and_answers(self) -> str:
        """Messages and the system poll reach another user's query; the status is for all."""
        with self._publishing():
            time.sleep(3)
        rows = self._all_are_there()
        said = self._as_other(f"{SERVICE} status --json --data {DATA}")
        status = json.loads(said)
        assert status["running"], said
        assert status["brokers"]["home"]["connected"], said
        assert status["clock"]["believed"], said
        assert self.broker.password not in said
        poll = must(self.guest, f"grep ,system, {DATA} | tail -n 1")
        for name in ("cpu_percent", "memory_percent", "disk_percent", "load_1m"):
            assert f"f_{name}," in poll, poll
        text = must(self.guest, f"systemctl show -p StatusText {SERVICE}")
        assert "points/s, lag" in text, text
        memory = must(self.guest, f"grep VmRSS /proc/{self._pid()}/status")
        return f"{rows} rows, {memory.split()[1]} kB resident, {text}"

    def survives_kills(self) -> str:
        """kill -9 under load: systemd starts it again, and no number is missing."""
        with self._publishing():
            for _ in range(3):
                time.sleep(2)
                pid = self._pid()
                must(self.guest, f"kill -9 {pid}")
                command = f'test "$(systemctl show -p MainPID --value {SERVICE})" != {pid}'
                wait_for(self.guest, f"systemctl is-active {SERVICE} && {command}", "a restart")
        return f"{self._all_are_there()} rows after 3 kills"

    def survives_power_cuts(self) -> str:
        """The power goes under load; after the boot it collects again, and nothing is missing."""
        took = []
        with self._publishing():
            for _ in range(2):
                time.sleep(5)
                self.guest.cut_power()
                began_s = time.monotonic()
                self.guest.boot()
                wait_for(self.guest, f"systemctl is-active {SERVICE}", "the service", 120)
                took.append(f"{time.monotonic() - began_s:.0f} s")
        rows = self._all_are_there()
        must(self.guest, f"/opt/{SERVICE}/current/bin/python -m tinyflux check {DATA}")
        return f"{rows} rows after 2 cuts; collecting again after {', '.join(took)}"

    def reloads(self) -> str:
        """A good file without a gap; a bad one is an error, and nothing changes."""
        extra = "logging: {levels: {mqtt: warning}}\n"
        with self._publishing():
            pid = self._pid()
            for number in range(4):
                text = configuration(self.guest, self.broker, extra if number % 2 == 0 else "")
                self._write(CONFIG, text)
                must(self.guest, f"systemctl reload {SERVICE}")
            self._write(CONFIG, "sources: 7\n")
            refused = self.guest.run(f"systemctl reload {SERVICE}")
            assert refused.status != 0, "a bad configuration was taken"
            self._wait_for_log("config.yaml:1: sources")
            restart = configuration(self.guest, self.broker).replace("points.csv", "others.csv")
            self._write(CONFIG, restart)
            assert self.guest.run(f"systemctl reload {SERVICE}").status != 0
            self._wait_for_log("only a restart takes up storage.path")
            self._write(CONFIG, configuration(self.guest, self.broker))
            assert self._pid() == pid
        return f"{self._all_are_there()} rows after 4 reloads and 2 refusals"

    def waits_for_the_clock(self) -> str:
        """Under the sandbox it knows whether the clock is synchronised."""
        waits = configuration(self.guest, self.broker).replace(
            "wait_for_sync: 0s", "wait_for_sync: 10m"
        )
        self._write(CONFIG, waits)
        must(self.guest, "rm -f /run/systemd/timesync/synchronized")
        must(self.guest, f"systemctl restart {SERVICE}")
        before = json.loads(must(self.guest, f"{SERVICE} status --json --data {DATA} || :"))
        must(self.guest, "mkdir -p /run/systemd/timesync; touch /run/systemd/timesync/synchronized")
        believed = f"{SERVICE} status --json --data {DATA} | grep '\"believed\": *true'"
        wait_for(self.guest, believed, "the clock to be believed")
        self._write(CONFIG, configuration(self.guest, self.broker))
        must(self.guest, f"systemctl restart {SERVICE}")
        return f"believed before: {before['clock']['believed']}, with the time service's word: True"

    def is_watched(self) -> str:
        """A collector that hangs is ended and started again."""
        folder = f"/run/systemd/system/{SERVICE}.service.d"
        must(self.guest, f"mkdir -p {folder}")
        self._write(f"{folder}/quick.conf", "[Service]\nWatchdogSec=8s\nTimeoutAbortSec=5s\n")
        must(self.guest, f"systemctl daemon-reload && systemctl restart {SERVICE}")
        pid = self._pid()
        time.sleep(12)
        assert self._pid() == pid, "the watchdog was not fed"
        must(self.guest, f"kill -STOP {pid}")
        other = f'test "$(systemctl show -p MainPID --value {SERVICE})" != {pid}'
        wait_for(self.guest, f"systemctl is-active {SERVICE} && {other}", "a restart", 90)
        self._wait_for_log("Watchdog timeout")
        must(self.guest, f"rm -r {folder}; systemctl daemon-reload; systemctl restart {SERVICE}")
        return "a stopped process was replaced"

    def is_restored(self) -> str:
        """docs/backup.md, line by line: a copy under load, made the data again."""
        folder, tool = DATA.rpartition("/")[0], f"{SERVICE} python -m tinyflux"
        with self._publishing():
            time.sleep(2)
            self._as_other(f"{tool} backup --force {DATA} /home/other/points.csv")
            time.sleep(1)
        rows = self._all_are_there()
        must(
            self.guest,
            f"systemctl stop {SERVICE} && cd {folder} && mkdir ../before"
            f" && mv points.* .points.csv.index ../before/ && cp /home/other/points.csv ."
            f" && chown -R {SERVICE}: . && {tool} check points.csv && systemctl start {SERVICE}",
        )
        copied = int(must(self.guest, "wc -l </home/other/points.csv"))
        assert int(must(self.guest, f"wc -l <{DATA}")) >= copied > 0
        must(
            self.guest,
            f"systemctl stop {SERVICE} && cd {folder} && rm -rf points.* .points.csv.index"
            f" && mv ../before/points.* . && rm -r ../before && systemctl start {SERVICE}",
        )
        return f"{copied} rows in the copy; {max(rows, self._all_are_there())} in the data again"

    # --- upgrades and the end

    def rolls_back(self) -> str:
        """A version that does not start, and one that cannot be made, leave the old one running."""
        version = self._version()
        must(self.guest, "cp -r /checkout /broken")
        must(self.guest, "echo 'raise SystemExit(70)' >>/broken/daemon/cli/run.py")
        with self._publishing():
            said = self.guest.run(_INSTALL.format(checkout="/broken"), 1200)
            assert said.status == 1, said.text
            assert "does not come up" in said.text, said.text
            assert f"Version {version} runs again" in said.text, said.text
            must(self.guest, "echo '#' >>/broken/daemon/cli/run.py")
            said = self.guest.run("PIP_NO_INDEX=1 /broken/systemd/install", 1200)
            assert said.status == 1, said.text
            assert "Nothing has changed" in said.text, said.text
            assert self._version() == version
            assert must(self.guest, f"ls /opt/{SERVICE}").split() == [version, "current"]
            must(self.guest, f"systemctl is-active {SERVICE}")
        return f"{self._all_are_there()} rows, version {version} runs"

    def upgrades(self) -> str:
        """Another version, with data and configuration as they were."""
        before, version = must(self.guest, f"cat {CONFIG}"), self._version()
        must(self.guest, "cp -r /checkout /newer && echo '#' >>/newer/daemon/cli/run.py")
        with self._publishing():
            must(self.guest, _INSTALL.format(checkout="/newer"), 1200)
        assert self._version() != version
        assert must(self.guest, f"cat {CONFIG}") == before
        rows = self._all_are_there()
        must(self.guest, f"systemctl stop {SERVICE}")
        must(self.guest, _INSTALL.format(checkout="/checkout"), 1200)
        assert self.guest.run(f"systemctl is-active {SERVICE}").status != 0, "a stopped one started"
        must(self.guest, f"systemctl start {SERVICE}")
        return f"{rows} rows"

    def says_what_a_restart_cannot_mend(self) -> str:
        """A configuration with errors, a missing one, one that it may not read: one start each."""
        good = configuration(self.guest, self.broker)
        lines = []
        for broken, word in (
            (f"echo 'sources: 7' >{CONFIG}", "config.yaml:1: sources"),
            (f"rm {CONFIG}", "config.yaml"),
            (f"chmod 600 {CONFIG}", "config.yaml"),
        ):
            self._write(CONFIG, good)
            must(self.guest, f"chgrp {SERVICE} {CONFIG}; chmod 640 {CONFIG}; {broken}")
            assert self.guest.run(f"systemctl restart {SERVICE}").status != 0
            time.sleep(1)
            shown = must(self.guest, f"systemctl show -p Result,NRestarts,ExecMainStatus {SERVICE}")
            assert "NRestarts=0" in shown, shown
            state = self.guest.run(f"systemctl is-active {SERVICE}").text.strip()
            assert state == "failed", state
            log = must(self.guest, f"journalctl -u {SERVICE} -o cat --no-pager -n 6")
            assert word in log, log
            lines.append(shown.replace("\n", " "))
        self._write(CONFIG, good)
        must(self.guest, f"chgrp {SERVICE} {CONFIG}; chmod 640 {CONFIG}")
        must(self.guest, f"systemctl start {SERVICE}")
        return "; ".join(lines)

    def uninstalls(self) -> str:
        """Everything goes but data and configuration; twice does no harm."""
        must(self.guest, "/checkout/systemd/uninstall")
        for gone in (f"/opt/{SERVICE}", f"/etc/systemd/system/{SERVICE}.service"):
            assert self.guest.run(f"test -e {gone}").status == 1, gone
        assert self.guest.run(f"command -v {SERVICE}").status != 0
        assert self.guest.run(f"systemctl cat {SERVICE}").status != 0
        must(self.guest, f"test -s {DATA} && test -s {CONFIG}")
        assert "is not installed" in must(self.guest, "/checkout/systemd/uninstall")
        rows = must(self.guest, f"wc -l <{DATA}")
        return f"{rows} rows stay"

    # --- the parts of the steps

    def _version(self) -> str:
        return must(self.guest, f"readlink /opt/{SERVICE}/current")

    def _pid(self) -> str:
        return must(self.guest, f"systemctl show -p MainPID --value {SERVICE}")

    def _write(self, path: str, text: str) -> None:
        must(self.guest, f"cat >{path} <<'END_OF_FILE'\n{text}END_OF_FILE")

    def _wait_for_log(self, text: str) -> None:
        log = f"journalctl -u {SERVICE} -o cat --no-pager | grep -F -e '{text}'"
        wait_for(self.guest, log, f"the log to say {text!r}")

    def _as_other(self, command: str) -> str:
        return must(self.guest, f"runuser -u other -- {command}")

    @contextmanager
    def _publishing(self) -> Iterator[None]:
        """Numbers come at QoS 1 meanwhile, as fast as an emulated board takes them; all of them are
        wanted later."""
        self._n_publishers += 1
        topic = f"n/p{self._n_publishers}"
        login = (self.broker.username, self.broker.password)
        with NumberPublisher(self.broker.port, topic, per_second=20, login=login) as publisher:
            yield
            self._published[topic.removeprefix("n/")] = publisher.finish()

    def _all_are_there(self) -> int:
        """How many rows another user finds, once every published number is among them."""
        must(self.guest, f"cat >/tmp/query.py <<'END_OF_FILE'\n{_QUERY}END_OF_FILE")
        command = f"/opt/{SERVICE}/current/bin/python /tmp/query.py {DATA}"
        wanted = {(name, n) for name, count in self._published.items() for n in range(count)}
        deadline_s = time.monotonic() + 120
        while True:
            rows = json.loads(self._as_other(command))
            missing = wanted - {(name, int(number)) for name, number in rows}
            if not missing:
                return len(rows)
            assert time.monotonic() < deadline_s, f"missing: {sorted(missing)[:20]}"
            time.sleep(1)
