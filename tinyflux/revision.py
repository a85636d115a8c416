"""Changes of what is stored that are decided on, and carried out, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tinyflux.analysis import Analysis
from tinyflux.arguments import items_of
from tinyflux.changes import Change, Plan
from tinyflux.operations import changing, read_op, temp_storage_op, write_op
from tinyflux.storages import CSVStorage
from tinyflux.table import Table
from tinyflux.view import View


class Revision(Analysis):
    """The part of the TinyFlux class that changes stored points; others call it."""

    @read_op
    def view(self) -> View:
        """What is stored now, as rows and columns."""
        return self._view_of(self.engine.snapshot())

    @write_op
    @temp_storage_op
    def apply(self, changes: Iterable[Change], compact_key_prefixes: bool = False) -> list[int]:
        """Carry out removals, updates and inserts in order, as one atomic change.

        Each sees what those before it did. Returns how many points each removed, changed or added.
        Either all of it is stored when this returns, or an error is raised and none of it is.
        """
        listed = list(items_of("apply", changes, "Remove, Update and Insert"))
        return self._apply(listed, is_compact=compact_key_prefixes)

    @write_op
    def revise(
        self, decide: Callable[[View], Iterable[Change]], compact_key_prefixes: bool = False
    ) -> list[int]:
        """Carry out what `decide` answers to what is stored, as `apply` does.

        No other change of stored points comes between the two. What is inserted meanwhile is not
        seen, and left alone. An empty answer changes nothing.
        """
        return self._changed(
            lambda table: items_of(
                "revise", decide(self._view_of(table)), "Remove, Update and Insert"
            ),
            is_compact=compact_key_prefixes,
        )

    def _apply(self, changes: Sequence[Change], *, is_compact: bool = False) -> list[int]:
        return self._changed(lambda _table: changes, is_compact=is_compact)

    def _changed(
        self, decide: Callable[[Table], Iterable[Change]], *, is_compact: bool
    ) -> list[int]:
        with self.engine.change() as change:
            plan = Plan(change.table, is_compact)
            with changing(self.storage):  # functions of the caller run in here, and only here
                counts = [plan.apply(item) for item in decide(change.table)]
            new = plan.new_rows
            if new.added or not new.is_only_added:
                change.carry_out(new, plan.inserted)
            else:
                plan.inserted.give()
        return counts

    def _view_of(self, table: Table) -> View:
        storage = self.storage
        return View(table, storage.file.read if isinstance(storage, CSVStorage) else None)
