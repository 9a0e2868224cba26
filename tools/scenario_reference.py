"""Writes the tables of docs/scenarios.md and the schema docs/scenario.schema.json anew, from the structures.

Run it after a change of the scenario language: ``python tools/scenario_reference.py``.
"""

import json
from pathlib import Path

from vksim import json_schema, reference

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    """Write both."""
    page = DOCS / "scenarios.md"
    page.write_text(reference.filled(page.read_text(encoding="utf-8")), encoding="utf-8")
    (DOCS / "scenario.schema.json").write_text(json.dumps(json_schema.document(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
