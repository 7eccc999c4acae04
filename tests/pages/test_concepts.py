"""The Concepts page: what is not scored is one work, and what is scored is shown with its choices."""

from __future__ import annotations

from explorer import jobs


def test_the_page_begins_one_work_for_all_scores_and_says_which_are_to_come(open_app, click_on, monkeypatch):
    begun = []
    monkeypatch.setattr(jobs, "start", lambda words, target=None, **_: begun.append(words))
    app = open_app("concepts")
    assert not app.error and app.title[0].value == "Concepts" and not begun
    click_on(app)
    assert [words[0] for words in begun] == ["scores"] and "--dataset" in begun[0]
    assert any("Still to come: Copies, Verdicts" in one.value for one in app.caption)
