"""The page of concepts has the rules that decide, word by word."""

from pathlib import Path

from explorer import files
from explorer.analysis.concepts.verdicts import RULES
from explorer.results.scores import SCORES


def test_the_page_has_the_rules_and_all_scores():
    text = (Path(files.__file__).parent / "CONCEPTS.md").read_text(encoding="utf-8")
    assert all(f"| *{verdict}* | {rule} |" in text for verdict, rule in RULES.items())
    assert all(f"| `{score}` |" in text for score in SCORES)
