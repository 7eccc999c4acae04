"""Images by words and by codes."""

from __future__ import annotations

import pytest

from explorer.study import open_study, search


@pytest.fixture(scope="module")
def study():
    return open_study("vqvae-digits", "digits")


def test_words_anywhere_and_a_value_of_its_own(study):
    digits = study.concepts()["digit"].astype(str).to_numpy()
    assert search.saying(study, '"Digit: 1"').tolist() == (digits == "1").nonzero()[0].tolist()
    anywhere = search.saying(study, "digit 1")
    assert set(search.saying(study, '"digit: 1"')) < set(anywhere), "names have numbers, too"
    assert len(search.saying(study, "")) == 0 == len(search.saying(study, "no such word"))


def test_a_code_has_the_images_that_have_it(study):
    codes = study.codes("code")
    assert search.having(study, "code", 1).tolist() == (codes == 1).any((1, 2)).nonzero()[0].tolist()
