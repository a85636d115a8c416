"""Why a line is no YAML, said for a person: the slips that people make in configurations.

Pure text to text.
"""

from __future__ import annotations

import re

_TABLE: tuple[tuple[str, str, str], ...] = (
    (
        r"\t",
        r"",
        "indent with blanks, YAML allows no tab there",
    ),
    (
        r"^\s*(?:-\s+)?[^:#]*:\s+\*|^\s*-\s+\*",
        r"",
        'a value that begins with * needs quotes, as cron: "*/15 * * * *"',
    ),
    (
        r"[:{,]\s*\{\{",
        r"",
        'a template needs quotes, as "{{ value }}"',
    ),
    (
        r":\s+\{[^}]*\}\s*[^\s,}#]",
        r"",
        'text that begins with a brace needs quotes, as "{room}_climate", because braces without '
        "quotes are a mapping in YAML",
    ),
    (
        r"[:,]\s*[^\s\"'{,:]+\{\w+\}",
        r"",
        'inside braces a text with {name} needs quotes, as "climate_{room}"',
    ),
    (
        r"^\s*(?:-\s+)?[^:#]*:\s+[@`%|>&!]",
        r"",
        "a value that begins with one of @ ` % | > & ! needs quotes",
    ),
    (
        r":\s+[^\"'#{\[]+:\s",
        r"mapping values",
        "a value that holds a colon and a blank needs quotes; else look for a line that is "
        "indented too far",
    ),
    (
        r"",
        r"mapping values",
        "look for a line above that is indented otherwise, or for a colon that is missing",
    ),
    (
        r"",
        r"block end|expected",
        "look for a line that is indented otherwise than its neighbours, or for a bracket, "
        "brace or quote that is not closed",
    ),
)


def explain_syntax_error(problem: str, source: str) -> tuple[str, str]:
    """What was found and what to do, from the parser's message and the line it stopped at."""
    # What the parser quotes may be a password that lacks its quotes.
    problem = re.sub(r"'[^'<]{2,}'", "'...'", problem)
    for in_source, in_problem, advice in _TABLE:
        if re.search(in_source, source) and re.search(in_problem, problem):
            return f"text that is no YAML ({problem})", advice
    return f"text that is no YAML ({problem})", "close what was opened, or put the text in quotes"
