"""The comparison of the clouds is what the providers do, and not what somebody once wrote."""

from collections import Counter
from pathlib import Path

from features import comparison, comparison_pods

PAGE = Path(__file__).parents[2] / "docs" / "clouds-compared.md"


def test_the_page_says_what_the_providers_do() -> None:
    page = PAGE.read_text(encoding="utf-8")
    now = comparison.document(comparison.columns(page))
    assert now == page, "write it anew: python tools/compare_clouds.py"


def test_each_feature_is_there_once() -> None:
    names = Counter((each.part, each.name) for each in comparison_pods.features())
    assert max(names.values()) == 1


def test_every_pod_that_is_accepted_comes_to_run() -> None:
    assert comparison.FAILS not in PAGE.read_text(encoding="utf-8")
