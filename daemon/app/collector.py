"""The collector put together: what starts after what, what stops before what.

Composition only: every part does its own work, and nothing here maps, writes or waits for data.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from daemon.app.current_mapper import CurrentMapper
from daemon.app.discovery_file import DiscoveryFile, recall_discovery
from daemon.app.field_memory import FieldMemoryFiles
from daemon.app.index import IndexJob
from daemon.app.instance import InstanceLock, lock_path
from daemon.app.places import (
    ledger_path,
    received_path,
    retained_path,
    sessions_path,
    spool_path,
)
from daemon.app.reload import Changes, Reload, changes
from daemon.app.rewrite import RetentionJob
from daemon.app.status import status_of
from daemon.app.thinning import make_thinning
from daemon.app.vitals import Vitals
from daemon.clock import BoardClock
from daemon.clock_trust import ClockTrust, clock_path
from daemon.config import BrokerConfig, Config
from daemon.discovery import compile_discovering, discovered
from daemon.mapping import compile_mapper, subscriptions
from daemon.messages import Outcome, Subscription
from daemon.polls.jobs import schedule_polls
from daemon.scheduling import Scheduler
from daemon.sources import (
    EmbeddedBroker,
    Endpoint,
    LinkSettings,
    MqttSource,
    SessionMemory,
    link_settings,
)
from daemon.spool import Spool
from daemon.writer import (
    ClockHold,
    CommitRule,
    DuplicateMemory,
    Files,
    HoldLimits,
    Inbox,
    Journal,
    Ledger,
    Observer,
    RejectFile,
    RetainedMemory,
    Store,
    Window,
    Writer,
    read_replayed,
    replayed_path,
)

_log = logging.getLogger(__name__)

# Together below ten seconds, with what a system that is shutting down grants.
_STOP_JOBS_S = 1.5
_STOP_WRITER_S = 4.0
_STOP_SOURCES_S = 2.0
_STOP_BROKERS_S = 1.0
_STOP_INDEX_S = 1.5


class Collector:
    """Everything that `tinyflux-collector run` runs, for one configuration.

    `start`, then watch `is_healthy`, then `stop`. One thread calls them.
    """

    def __init__(
        self, config: Config, clock: BoardClock, observers: Sequence[Observer] = ()
    ) -> None:
        self._config = config
        self._clock = clock
        data = config.storage.path
        self._lock = InstanceLock(lock_path(data), data)
        self._scheduler = Scheduler(clock)
        self._started_s = clock.monotonic_s()
        self._is_stopped = False
        self._reload: Reload | None = None
        self._ledger = Ledger(clock, self._runs, lambda: read_replayed(replayed_path(data)).points)
        self._inbox = Inbox(windows=_windows(config))
        self._brokers: dict[str, EmbeddedBroker] = {}
        self._sources: dict[str, MqttSource] = {}
        self._sessions = SessionMemory(sessions_path(data))
        self._fields = FieldMemoryFiles(data, clock)
        self._retained = RetainedMemory(retained_path(data), boot_id=clock.boot_id)
        self._mapper = CurrentMapper(
            compile_discovering(config, self._fields.memory, self._announced)
        )
        self._discovery = DiscoveryFile(data, lambda: self._mapper.registries)
        self._writer = self._make_writer(observers)
        self._index = IndexJob(data, self._n_points)

    @property
    def ledger(self) -> Ledger:
        """What became of everything that was received."""
        return self._ledger

    @property
    def inbox(self) -> Inbox:
        """What waits to be written."""
        return self._inbox

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Where programs of this machine reach the embedded brokers, once started."""
        return {name: broker.endpoint for name, broker in self._brokers.items()}

    def start(self) -> None:
        """Start writing, then brokers, sources and polls. StartError leaves nothing running."""
        try:
            settings = self._start_core()
            self._sessions.expect(link.session for link in settings.values())
            for name, link in settings.items():
                self._start_source(name, link)
            schedule_polls(self._config, self._scheduler, self._inbox.put, self._clock)
            self._schedule_retention()
            self._schedule_index()
            self._schedule_discovery()
            self._scheduler.start()
        except BaseException:
            self.stop()
            raise

    def reload(self, config: Config) -> Changes:
        """Go on by a changed configuration of the same file, unless something in it needs a restart
        (`Changes.at_start`): then all stays as it is. No message is lost, whatever changes.

        The thread that starts and stops. Raises StartError, with all as it was.
        """
        found = changes(self._config, config)
        if found.at_start or not found.keys:
            return found
        for name in self._sources:
            self._link_settings(name, config)
        rules = compile_mapper(config, self._fields.memory)
        before, self._config = self._config, config
        # First of all: what comes by a new subscription has its rule then.
        self._mapper.exchange(config, rules)
        for name, source in self._sources.items():
            source.resubscribe(partial(self._subscriptions, name))
            if found.reconnects(name):
                source.reconnect()
        schedule_polls(config, self._scheduler, self._inbox.put, self._clock, before=before)
        if found.touches("retention", "collector"):
            self._scheduler.remove("retention")
            self._schedule_retention()
        self._scheduler.remove("discovery")
        self._schedule_discovery()
        return found

    def note_reload(self, *, is_applied: bool, lines: Iterable[str]) -> None:
        """What came of a reload, for the status."""
        number = 1 if self._reload is None else self._reload.number + 1
        self._reload = Reload(number, self._clock.now_us(), is_applied, tuple(lines))

    def await_connections(self, timeout_s: float) -> bool:
        """True once every broker has accepted us and our subscriptions; False after the timeout."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        return all(
            source.await_connection(max(0.0, deadline_s - self._clock.monotonic_s()))
            for source in self._sources.values()
        )

    def is_healthy(self) -> bool:
        """Whether the parts that never end by themselves still run."""
        return self._writer.is_alive()

    def vitals(self) -> Vitals:
        """What shows that it works, and how fast. Any thread."""
        return Vitals(
            turns=self._writer.turns,
            points=self._n_points(),
            lag_s=self._writer.lag_s(),
            is_refused=self._writer.is_refused,
        )

    def stop(self) -> bool:
        """Write what waits, make it durable, acknowledge it, end; whether all that was done.

        Within ten seconds. Safe twice and half-started.
        """
        self._is_stopped = True
        self._scheduler.stop(_STOP_JOBS_S)
        for source in self._sources.values():
            source.stop_intake()
        is_done = self._writer.stop(_STOP_WRITER_S)
        self._fields.close()
        self._discovery.save()
        # Only now have the last acknowledgements been handed over.
        deadline_s = self._clock.monotonic_s() + _STOP_SOURCES_S
        for source in self._sources.values():
            source.close(max(0.1, deadline_s - self._clock.monotonic_s()))
        for broker in self._brokers.values():
            broker.stop(_STOP_BROKERS_S)
        self._index.finish(_STOP_INDEX_S)
        self._lock.release()
        return is_done

    def status(self) -> dict[str, object]:
        """Everything there is to know of it now, as JSON would have it. Any thread."""
        return status_of(
            self._config,
            self._clock,
            ledger=self._ledger,
            inbox=self._inbox,
            writer=self._writer,
            retained=self._retained,
            sources=self._sources,
            runs=self._runs(),
            started_s=self._started_s,
            is_running=not self._is_stopped,
            reload=self._reload,
        )

    def pulse(self) -> object:
        """What a person would want to hear of at once, to compare with what it was. Any thread."""
        states = [source.state() for source in self._sources.values()]
        wanted = [(state.is_connected, state.trouble, state.refused) for state in states]
        writer = self._writer
        clock = writer.is_clock_believed(), writer.is_clock_given_up()
        return wanted, writer.is_refused, clock

    def summary(self) -> str:
        """One line on what this run did."""
        outcomes = self._ledger.outcomes()
        points = self._n_points()
        others = ", ".join(
            f"{number} {outcome.value}"
            for outcome, number in outcomes.items()
            if number and outcome is not Outcome.STORED
        )
        stored = f"stored {points} points of {outcomes[Outcome.STORED]} messages and poll results"
        bad = ", ".join(
            f"{name} {number} {what}"
            for name, counts in self._runs().items()
            for what, number in counts.items()
            if number and what in ("failed", "timed_out")
        )
        return "; ".join(part for part in (stored, others, bad and f"runs: {bad}") if part)

    def _n_points(self) -> int:
        """How many points became durable in this run."""
        return sum(self._ledger.points_by_measurement().values())

    def _runs(self) -> dict[str, dict[str, int]]:
        """How often each job ran, and how that went."""
        return {
            job.name: {
                "done": job.done,
                "failed": job.failed,
                "timed_out": job.timed_out,
                "overlapped": job.overlapped,
                "held_off": job.held_off,
            }
            for job in self._scheduler.jobs()
        }

    def _make_writer(self, observers: Sequence[Observer]) -> Writer:
        storage = self._config.storage
        rejects = RejectFile(storage.rejects_path, storage.rejects.max_size_bytes)
        store = Store(storage.path, compact_keys=storage.compact_keys)
        spool = Spool(spool_path(storage.path), self._clock.boot_id)
        return Writer(
            files=Files(
                store,
                rejects,
                storage.sync,
                self._retained,
                DuplicateMemory(received_path(storage.path), self._clock.boot_id),
                self._make_hold(spool),
                make_thinning(storage.path, spool, self._mapper.rule_of, self._clock),
            ),
            inbox=self._inbox,
            mapper=self._mapper,
            rule=CommitRule(
                self._clock,
                interval_s=storage.commit.interval_s,
                points=storage.commit.points,
                sync=storage.sync,
            ),
            journal=Journal(self._ledger, ledger_path(storage.path), self._clock),
            acknowledgers=self._sources,
            clock=self._clock,
            observers=observers,
        )

    def _make_hold(self, spool: Spool) -> ClockHold:
        data, limits = self._config.storage.path, self._config.collector.clock
        return ClockHold(
            self._clock,
            ClockTrust(self._clock, limits.wait_for_sync_s, clock_path(data)),
            spool,
            HoldLimits(limits.max_waiting, limits.max_waiting_bytes),
        )

    def _start_core(self) -> Mapping[str, LinkSettings]:
        """Lock, writer and embedded brokers; the settings to reach every broker."""
        self._lock.acquire()
        self._fields.open()
        self._mapper.recall(recall_discovery(self._config.storage.path))
        self._writer.start()
        settings = {}
        for name, broker in self._config.brokers.items():
            if broker.is_embedded:
                self._start_broker(name, broker)
            settings[name] = self._link_settings(name)
        return settings

    def _link_settings(self, name: str, config: Config | None = None) -> LinkSettings:
        """How to reach a broker, by default by the configuration of now. StartError."""
        return link_settings(config or self._config, name, self.endpoints.get(name))

    def _start_broker(self, name: str, config: BrokerConfig) -> None:
        broker = EmbeddedBroker(name, config)
        self._brokers[name] = broker
        broker.start()

    def _start_source(self, name: str, settings: LinkSettings) -> None:
        config = self._config.brokers[name]
        source = MqttSource(
            settings,
            self._subscriptions(name),
            self._inbox,
            self._clock,
            reconnect_s=(config.reconnect.min_s, config.reconnect.max_s),
            # amqtt marks messages that it kept for us as retained.
            trusts_retain_flag=not config.is_embedded,
            # An embedded broker's sessions end with it.
            memory=None if config.is_embedded else self._sessions,
            renew=partial(self._link_settings, name),
        )
        self._sources[name] = source
        source.start()

    def _subscriptions(self, name: str) -> tuple[Subscription, ...]:
        """What the rules of a broker need, and what is announced there. Any thread."""
        registry = self._mapper.registries.get(name)
        return subscriptions(self._config, name, discovered(self._config, name, registry))

    def _announced(self, name: str) -> None:
        """The rules that discovery has at a broker have changed."""
        self._discovery.changed()
        if (source := self._sources.get(name)) is not None:
            source.resubscribe(partial(self._subscriptions, name))

    def _schedule_discovery(self) -> None:
        job = self._discovery
        if any(broker.discovery is not None for broker in self._config.brokers.values()):
            self._scheduler.add("discovery", job.schedule(), job.save, timeout_s=job.timeout_s)

    def _schedule_retention(self) -> None:
        if self._config.retention.rules:
            job = RetentionJob(self._config.origin, self._writer.is_clock_believed)
            self._scheduler.add(
                "retention",
                job.schedule(self._config),
                job.run,
                timeout_s=job.timeout_s,
                cancel=job.cancel,
            )

    def _schedule_index(self) -> None:
        job = self._index
        self._scheduler.add(
            "index", job.schedule(), job.run, timeout_s=job.timeout_s, cancel=job.cancel
        )


def _windows(config: Config) -> dict[str, Window]:
    """How many messages each broker sends without an acknowledgement, as far as it is told."""
    return {name: Window(broker.inflight_window) for name, broker in config.brokers.items()}
