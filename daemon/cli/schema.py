"""`schema`: the configuration language, for editors and as a table."""

from __future__ import annotations

import json

from daemon.config.json_schema import json_schema
from daemon.config.option_table import option_table


def schema(*, as_table: bool) -> int:
    """Print the JSON Schema, or every option as a Markdown table; 0."""
    print(option_table() if as_table else json.dumps(json_schema(), ensure_ascii=False, indent=1))
    return 0
