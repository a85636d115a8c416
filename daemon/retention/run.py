"""A run of the retention rules: roll-ups are added, then one atomic change of the file, report.

Takes the CPU and the disk for as long as a rewrite of the file lasts, so the collector does it in
a child process. Logs nothing: it answers with a report, and says how far it is to who asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from daemon.clock import Clock, SystemClock
from daemon.config import Config, RetentionRule, is_within
from daemon.retention.advice import mending_since_us, note_seen
from daemon.retention.chains import ChainWork, points_of
from daemon.retention.errors import RetentionError
from daemon.retention.habits import habits_of
from daemon.retention.keeping import CHANGES, Keeping, last_run_us
from daemon.retention.memory import load_done, memory_path, save_done
from daemon.retention.plan import (
    Circumstances,
    Removal,
    Step,
    chain_works,
    fingerprint,
    plan_removal,
    plan_updates,
    stages_of,
)
from daemon.retention.queries import matching, moment
from daemon.retention.report import Report, RuleReport
from daemon.retention.room import drop_kept, room_of
from daemon.retention.samples import NEVER_US
from daemon.retention.turn import turn
from daemon.retention.updates import marked, updated_rows
from tinyflux import Insert, RemoveRows, TinyFlux
from tinyflux.changes import Change
from tinyflux.view import View

Told = Callable[[str], None]
_BATCH_POINTS = 5_000
_LONGEST_WAIT_US = 7 * 86_400_000_000
_BYTES_PER_S = 15e6
"""What a rewrite comes to on a card, before anything is known of this one."""


def preview(config: Config, clock: Clock | None = None, *, only: str | None = None) -> Report:
    """What `run` would do now; changes nothing. Raises RetentionError."""
    return _Run(config, clock or SystemClock(), only).preview()


def run(
    config: Config,
    clock: Clock | None = None,
    *,
    only: str | None = None,
    is_urgent: bool = False,
    told: Told = lambda _doing: None,
) -> Report:
    """Carry out the rules now (`only`: the one of this name); on disk when this returns.

    Roll-ups are added first, which changes no row. Then all that goes, and what changes with it,
    is one change: all of it or none. `is_urgent`: whatever `rewrite_threshold` and `quiet_hours`
    say. `told` is called with what is being done. Raises RetentionError.
    """
    return _Run(config, clock or SystemClock(), only, is_urgent=is_urgent, told=told).carry_out()


class _Run:
    def __init__(
        self,
        config: Config,
        clock: Clock,
        only: str | None,
        *,
        is_urgent: bool = False,
        told: Told = lambda _doing: None,
    ) -> None:
        self._config = config
        self._data = config.storage.path
        self._rules = _chosen(config, only)
        self._numbers = [
            number
            for number, rule in enumerate(config.retention.rules)
            if only is None or rule.name == only
        ]
        self._done = load_done(memory_path(self._data))
        self._told = told
        self._began_us, self._began_s = clock.now_us(), time.monotonic()
        self._size_before = _size_bytes(self._data)
        self._steps: list[Step] = []
        self._waits: list[str] = []
        self._mended = 0
        self._kept: list[Path] = []
        self._keeping = self._keeping_of(0)
        self._skipped: tuple[str, ...] = ()
        retention = config.retention
        self._now = Circumstances(
            now_us=self._began_us,
            zone=config.collector.zone,
            threshold=retention.rewrite_threshold,
            max_size_bytes=retention.max_size_bytes,
            done=tuple(self._done),
            is_urgent=is_urgent,
        )

    def preview(self) -> Report:
        if self._data.exists():
            try:
                with TinyFlux(str(self._data), access_mode="r") as db:
                    view = db.view()
                    self._look_at(view)
                    self._plan(view)
            except (OSError, ValueError) as error:
                raise RetentionError(f"cannot plan retention of {self._data}: {error}") from error
        freed = sum(step.size_bytes for step in self._steps)
        report = self._report(is_plan=True)
        return replace(report, expected_s=max(0, self._size_before - freed) / _BYTES_PER_S
                       + report.took_s)  # fmt: skip

    def carry_out(self) -> Report:
        if self._data.exists():
            try:
                with turn(self._data), TinyFlux(str(self._data)) as db:
                    self._prepare(db)
                    for place, (is_update, numbers) in enumerate(stages_of(self._all_rules)):
                        self._keeping, self._kept = self._keeping_of(place), []
                        chosen = [number for number in numbers if number in self._numbers]
                        self._stage(db, chosen, is_update=is_update)
            except (OSError, ValueError) as error:
                raise RetentionError(
                    f"retention of {self._data} failed; nothing was changed, but for roll-ups "
                    f"that were added: {error}"
                ) from error
            self._remember()
        return self._report()

    def _prepare(self, db: TinyFlux) -> None:
        view = db.view()
        self._look_at(view)
        found = {rule.name: view.count(matching(rule.match)) > 0 for rule in self._all_rules}
        note_seen(self._data, found, self._began_us)
        retention = self._config.retention
        folders = [rule.archive for rule in retention.rules if rule.archive is not None]
        self._keeping.settle(folders, last_run_us(view))
        self._keeping.expire(self._began_us - round(retention.undo_s * 1e6))
        room = room_of(self._data)
        if room.is_short and retention.on_low_disk != "pause":
            self._waits += [f"room was short: deleted {told}" for told in drop_kept(self._config)]
            room = room_of(self._data)
            if room.is_short and retention.on_low_disk == "drop_oldest":
                # The next rewrite needs as much less as the file is smaller.
                self._now = replace(self._now, free_bytes=room.missing_bytes)
        if room.is_short:
            self._waits.append(room.told())
        is_quiet = self._is_quiet()
        if not is_quiet and not room.is_short and not self._now.is_urgent:
            self._now = replace(self._now, quiet_hours=retention.quiet_hours or "")

    def _keeping_of(self, change: int) -> Keeping:
        run_us = self._began_us // CHANGES * CHANGES + change
        return Keeping(self._data, run_us, self._config.retention.undo_s > 0)

    def _is_quiet(self) -> bool:
        hours = self._config.retention.quiet_hours
        if hours is None:
            return True
        return is_within(hours, moment(self._began_us).astimezone(self._now.zone).time())

    @property
    def _all_rules(self) -> Sequence[RetentionRule]:
        return self._config.retention.rules

    def _look_at(self, view: View) -> None:
        habits = habits_of(self._config, view.measurement_counts)
        done = {*self._done, *marked(view)}
        self._now = replace(self._now, habits=habits, done=done)
        self._skipped = tuple(
            rule.name for rule in self._rules if rule.once and fingerprint(rule) in done
        )

    def _plan(self, view: View) -> None:
        for is_update, numbers in stages_of(self._all_rules):
            chosen = [number for number in numbers if number in self._numbers]
            rules = [self._all_rules[number] for number in chosen]
            if is_update:
                steps, _ = plan_updates(rules, view, self._now)
                self._steps += steps
                continue
            for work in self._works(view, rules):
                self._count_missing(work)
            removal = plan_removal(self._all_rules, chosen, view, self._now, is_estimate=True)
            self._take(removal, all_steps=True)

    def _stage(self, db: TinyFlux, numbers: Sequence[int], *, is_update: bool) -> None:
        rules = [self._all_rules[number] for number in numbers]
        if not rules:
            return
        if is_update:
            self._update(db, rules)
            return
        self._mended = 0
        self._add_rollups(db, rules)
        found = Removal()

        def decide(view: View) -> list[Change]:
            nonlocal found
            found = plan_removal(self._all_rules, numbers, view, self._now, mended=self._mended)
            return self._laid_aside(found, view)

        self._wait_to_mend()
        if self._may_have_work(db, numbers):
            self._told("removing what is old")
            db.revise(decide, self._config.storage.compact_keys)
            self._keeping.finish(self._kept)
            self._take(found)
            mending_since_us(self._data, self._began_us, is_waiting=False)
        elif self._mended:
            self._waits.append(
                f"{self._mended} roll-ups to which late points came are mended when the file is "
                "rewritten, in a week at the latest"
            )

    def _wait_to_mend(self) -> None:
        """What waits to be mended does not wait for ever where nothing goes."""
        since_us = mending_since_us(self._data, self._began_us, is_waiting=bool(self._mended))
        if self._mended and self._began_us - since_us >= _LONGEST_WAIT_US:
            self._now = replace(self._now, threshold=0.0)

    def _laid_aside(self, found: Removal, view: View) -> list[Change]:
        """The changes, once what is to be kept of what goes is on disk."""
        if not found.changes():
            return []
        self._kept = [
            *self._keeping.archive(view, found.steps),
            *self._keeping.lay_aside(view, found.removed, found.added),
        ]
        changes = found.changes()
        if self._kept:
            mark, old = self._keeping.mark(view)
            changes += [RemoveRows(old), Insert([mark])]
        return changes

    def _may_have_work(self, db: TinyFlux, numbers: Sequence[int]) -> bool:
        """Whether there is anything for a rewrite, looked at without the lock that it needs."""
        found = plan_removal(self._all_rules, numbers, db.view(), self._now, is_estimate=True)
        if found.waits and len(found.removed):
            self._waits.append(found.waits)
        return not found.waits and bool(len(found.removed) or self._mended)

    def _take(self, removal: Removal, *, all_steps: bool = False) -> None:
        if removal.waits:
            self._waits.append(removal.waits)
        if all_steps or not removal.waits:
            self._steps += removal.steps

    def _update(self, db: TinyFlux, rules: Sequence[RetentionRule]) -> None:
        steps: list[Step] = []

        def decide(view: View) -> list[Change]:
            nonlocal steps
            steps, changes = plan_updates(rules, view, self._now)
            if not changes:
                return []
            rows = updated_rows(changes, view)
            self._kept = self._keeping.lay_aside_changed(view, rows, changes)
            if self._kept:
                mark, old = self._keeping.mark(view)
                changes = [*changes, RemoveRows(old), Insert([mark])]
            return changes

        self._told("changing points")
        counts = db.revise(decide, self._config.storage.compact_keys)
        self._keeping.finish(self._kept)
        if counts:
            for step, points in zip(steps, self._of_updates(rules, counts), strict=True):
                step.points = points
        self._steps += steps

    def _of_updates(self, rules: Sequence[RetentionRule], counts: Sequence[int]) -> list[int]:
        """How many points each rule changed; a mark has a count of its own."""
        found, place = [], 0
        for rule in rules:
            assert rule.update is not None
            if rule.once and fingerprint(rule) in self._now.done:
                continue
            found.append(counts[place])
            place += 2 if rule.update.scale else 1
        return found

    def _works(self, view: View, rules: Sequence[RetentionRule]) -> list[ChainWork]:
        return [
            work
            for work in chain_works(self._all_rules, view, self._now)
            if any(work.chain.rule is rule for rule in rules)
        ]

    def _count_missing(self, work: ChainWork) -> None:
        for layer in work.chain.layers:
            fresh = 0
            for _, delta in work.missing(layer):
                fresh += len(delta.fresh)
                self._mended += len(delta.mended)
            self._steps.append(
                Step(work.chain.rule.name, f"roll {layer.source} up into {layer.target}", fresh)
            )

    def _add_rollups(self, db: TinyFlux, rules: Sequence[RetentionRule]) -> None:
        """Add the roll-ups that are missing. Done twice, or by half, it does no harm: what is
        there is not added again."""
        for chain in [work.chain for work in self._works(db.view(), rules)]:
            changed_us = NEVER_US
            for layer in chain.layers:
                self._told(f"rolling {layer.source} up into {layer.target}")
                work = ChainWork(chain, db.view(), self._began_us, self._now.zone)
                fresh, first_us = 0, NEVER_US
                for tier, delta in work.missing(layer, changed_us):
                    self._mended += len(delta.mended)
                    if not len(delta.fresh):
                        continue
                    earliest = int(delta.fresh.times_us.min())
                    first_us = earliest if first_us == NEVER_US else min(first_us, earliest)
                    points = points_of(tier, delta.fresh)
                    while batch := list(islice(points, _BATCH_POINTS)):
                        fresh += db.insert_multiple(
                            batch, compact_key_prefixes=self._config.storage.compact_keys
                        )
                told = f"roll {layer.source} up into {layer.target}"
                self._steps.append(Step(chain.rule.name, told, fresh))
                changed_us = first_us

    def _remember(self) -> None:
        # All of them are done by now. What the configuration no longer has is forgotten.
        known = {fingerprint(rule): rule.name for rule in self._all_rules if rule.once}
        done = {
            print_: name
            for print_, name in known.items()
            if print_ in self._done or name in {rule.name for rule in self._rules}
        }
        if done == self._done:
            return
        path = memory_path(self._data)
        try:
            save_done(path, done)
        except OSError as error:
            raise RetentionError(
                f"retention is done, but {path} cannot be written: {error}; rules with "
                "`once: true` will be carried out again"
            ) from error

    def _report(self, *, is_plan: bool = False) -> Report:
        return Report(
            str(self._data),
            self._began_us,
            time.monotonic() - self._began_s,
            self._size_before,
            self._size_before if is_plan else _size_bytes(self._data),
            tuple(
                RuleReport(step.rule, step.told, step.points, step.size_bytes, step.span_us)
                for step in self._steps
            ),
            self._skipped,
            is_plan,
            tuple(self._waits),
        )


def _chosen(config: Config, only: str | None) -> Sequence[RetentionRule]:
    rules = config.retention.rules
    if only is None:
        return rules
    chosen = [rule for rule in rules if rule.name == only]
    if not chosen:
        known = ", ".join(rule.name for rule in rules) or "there is none"
        raise RetentionError(f"no retention rule is called {only!r}; rules: {known}")
    return chosen


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
