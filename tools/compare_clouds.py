"""Writes docs/clouds-compared.md: what the production providers, each on its cloud's fake, make of some pods."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "clouds-compared.md"

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    from features import comparison

    PAGE.write_text(comparison.document(comparison.clouds()), encoding="utf-8")
