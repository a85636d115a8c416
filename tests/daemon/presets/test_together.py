"""All presets on one broker: each takes its own; those that begin with a wildcard come last."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.config import load_preset
from daemon.mapping import RuleMapper
from tests.daemon.presets.cases import NAMES, answer, cases, lines_of, mapper_of, message_of


def is_wide(name: str) -> bool:
    """Whether topics of other projects begin as those of the preset."""
    return load_preset(name).prefixes[0].startswith("+")


ORDER = sorted(NAMES, key=is_wide)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> RuleMapper:
    return mapper_of(tmp_path_factory.mktemp("together"), *ORDER)


def plain_cases() -> list[Any]:
    """Those of presets as they are, without options."""
    lines = {name: lines_of(name) for name in NAMES}
    return [
        pytest.param(line, case.expected, id=case.name)
        for case in cases()
        for line in [lines[case.preset][case.number]]
        if "use" not in line
    ]


@pytest.mark.parametrize(("line", "expected"), plain_cases())
def test_no_preset_takes_what_is_of_another(
    together: RuleMapper, line: dict[str, Any], expected: dict[str, Any]
) -> None:
    got = answer(together.map(message_of(line)))
    if got["points"] or expected["points"]:
        assert got == expected
