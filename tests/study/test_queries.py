"""Searches of a shipped checkpoint on the images that it opens on, against loops over all of them."""

import numpy as np
import pytest

from explorer.analysis.retrieval import bags, wanted
from explorer.errors import BadInput
from explorer.results import index
from explorer.study import Picture, open_study, queries, similar


@pytest.fixture(scope="module")
def study():
    """5,000 images, 8 × 8 codes of 1,024."""
    return open_study("vqvae-shapes")


def uploaded(study, row: int) -> Picture:
    """An image of the set as one that the user gives."""
    return Picture(study.images.read([row])[0], "mine.png")


@pytest.mark.parametrize("way", ["bag", "place", "zq", "ze", "pixels", "colours"])
def test_an_image_finds_itself_first_when_it_is_uploaded_and_is_left_out_when_it_is_a_row(study, way):
    by = similar.By(way, "code")
    found = queries.like(study, by, uploaded(study, 7), None, 4, "code")
    assert found.hits[0].row == 7 and found.hits[0].score == pytest.approx(1, abs=1e-5) and found.of == 5000
    own = queries.like(study, by, study.image(7), None, 4, "code")
    assert 7 not in [hit.row for hit in own.hits] and own.of == 4999
    assert [hit.row for hit in own.hits][:3] == [hit.row for hit in found.hits][1:4]


def test_what_is_found_by_bags_is_what_a_product_of_all_bags_says(study):
    counts = bags.counted(study.codes("code"), 1024)
    rows = bags.weights(counts).weigh(counts).toarray()
    likeness = rows @ rows[11]
    likeness[11] = -1
    found = queries.like(study, similar.By("bag", "code"), study.image(11), None, 8, "code")
    assert [hit.score for hit in found.hits] == pytest.approx(np.sort(likeness)[::-1][:8].tolist(), abs=1e-5)
    assert found.exact and not found.own


@pytest.mark.parametrize("way", ["bag", "place", "zq", "pixels"])
def test_reasons_are_codes_that_stand_in_both_and_marks_are_their_cells(study, way):
    codes = study.codes("code")
    found = queries.like(study, similar.By(way, "code"), study.image(20), None, 6, "code")
    assert found.exact == (way in ("bag", "place"))
    for hit in found.hits:
        for reason in hit.because:
            assert (codes[20].flat[reason.here] == reason.code).all() and len(reason.here)
            assert (codes[hit.row].flat[reason.there] == reason.code).all() and len(reason.there)
        shares = [reason.share for reason in hit.because]
        assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1)


@pytest.mark.parametrize("way", ["bag", "place", "zq", "ze", "pixels", "colours"])
def test_what_is_outside_of_a_part_tells_nothing(study, way):
    """Two pictures that agree in a part only find the same by it, where a cell sees its own place alone."""
    cells = np.zeros((8, 8), bool)
    cells[2:5, 2:5] = True
    mine = uploaded(study, 30)
    if way in ("pixels", "colours"):
        other = mine.pixels.copy()
        other[:16] = 255
        both = [queries.like(study, similar.By(way), one, cells, 6, "code") for one in (mine, Picture(other, "b.png"))]
        assert [hit.row for hit in both[0].hits] == [hit.row for hit in both[1].hits]
    part = queries.like(study, similar.By(way, "code"), mine, cells, 6, "code")
    assert {one.code for hit in part.hits for one in hit.because} <= set(study.codes("code")[30][cells].tolist())
    assert all(cells.flat[one.here].all() for hit in part.hits for one in hit.because)


def test_codes_find_exactly_the_images_that_a_loop_finds(study):
    codes = study.codes("code")
    order = np.argsort(-study.usage("code")).tolist()
    first, third = order[3], order[15]
    has = {code: (codes == code).any((1, 2)) for code in order[:200]}
    second = next(code for code in order[16:200] if 20 < (has[first] & has[code] & ~has[third]).sum() < 80)
    rows = np.flatnonzero(has[first] & has[second] & ~has[third]).tolist()
    found = queries.holding(study, "code", wanted.read(f"{first}, {second}, -{third}", 1024), 0, len(rows))
    assert found.matching == len(rows)
    assert sorted(row for hit in found.hits for row in (hit.row, *hit.copies)) == rows
    near = queries.holding(study, "code", wanted.Wanted((first, second), (third,)), 1, len(rows))
    cells = [[np.argwhere(codes[row] == code) for code in (first, second)] for row in rows]
    touching = [
        row for row, (one, two) in zip(rows, cells, strict=True)
        if np.abs(one[:, None] - two[None]).max(-1).min() <= 1
    ]  # fmt: skip
    assert touching and sorted(row for hit in near.hits for row in (hit.row, *hit.copies)) == touching
    for hit in near.hits:
        assert hit.apart == 1
        by_code = {one.code: one.there for one in hit.because}
        one, two = (np.stack(np.unravel_index(by_code[code], (8, 8)), 1) for code in (first, second))
        assert len(one) and len(two) and np.abs(one[:, None] - two[None]).max(-1).min() <= 1, "marked near one another"
    assert [hit.score for hit in found.hits] == sorted((hit.score for hit in found.hits), reverse=True)


def test_codes_that_no_image_has_together_find_nothing(study):
    usage = study.usage("code")
    dead = int(np.flatnonzero(usage == 0)[0]) if (usage == 0).any() else None
    rare = np.argsort(np.where(usage, usage, usage.max()))[:12].tolist()
    asked = wanted.Wanted((dead,) if dead is not None else tuple(rare))
    assert queries.holding(study, "code", asked, 0, 8).hits == ()


def test_a_patch_is_found_wherever_it_stands(study):
    codes, cell = study.codes("code"), (4, 4)
    found = queries.patch(study, "code", study.image(7), cell, 1, 8)
    have = (codes == codes[7, 4, 4]).any((1, 2))
    have[7] = False
    assert found.matching == have.sum() and all(have[hit.row] for hit in found.hits)
    counts = queries.weights(study, "code").idf
    around = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1)]
    total = sum(counts[codes[7, 4 + r, 4 + c]] for r, c in around)
    for hit in found.hits[:3]:
        best = 0
        for row, column in np.argwhere(codes[hit.row] == codes[7, 4, 4]):
            at = [(row + r, column + c, codes[7, 4 + r, 4 + c]) for r, c in around]
            best = max(best, sum(
                counts[code] for r, c, code in at if 0 <= r < 8 and 0 <= c < 8 and codes[hit.row, r, c] == code
            ))  # fmt: skip
        assert hit.score == pytest.approx(best / total, rel=1e-5)


def test_an_uploaded_image_finds_its_own_patch_in_its_place(study):
    found = queries.patch(study, "code", uploaded(study, 7), (3, 5), 2, 4)
    assert found.hits[0].row == 7 and found.hits[0].score == pytest.approx(1)
    assert all((one.here == one.there).all() for one in found.hits[0].because)


def test_a_layer_of_one_cell_has_no_patches():
    with pytest.raises(BadInput, match="no cells with a place"):
        single = open_study("vae-shapes")
        queries.patch(single, single.main_layer, single.image(0), (0, 0), 1, 4)


def test_near_codes_are_the_same_when_the_search_stops_early(study, monkeypatch):
    """Blocks of 16 images, the most alike first, against all at once."""
    codes, first = study.codes("code"), int(np.argmax(study.usage("code")))
    together = np.bincount(np.concatenate([np.unique(one) for one in codes if (one == first).any()]), minlength=1024)
    together[first] = 0
    asked = wanted.Wanted((first, int(together.argmax())))
    whole = queries.holding(study, "code", asked, 7, 4)
    monkeypatch.setattr(queries, "READ", 16)
    monkeypatch.setattr(queries.distinct, "MOST", 12)
    read = []
    spreads = queries.patterns.spreads
    monkeypatch.setattr(
        queries.patterns, "spreads", lambda codes, some: read.append(len(codes)) or spreads(codes, some)
    )
    part = queries.holding(study, "code", asked, 7, 4)
    assert [(hit.row, hit.score, hit.apart) for hit in part.hits] == [
        (hit.row, hit.score, hit.apart) for hit in whole.hits
    ]  # fmt: skip
    assert sum(read) < whole.matching


@pytest.mark.parametrize("text", ["3", "3, 700", "3, 700 near each other, -9"])
def test_codes_are_found_in_a_large_set_without_an_index_as_by_all_rows(study, monkeypatch, text):
    asked = wanted.read(text, 1024)
    near = 4 * asked.near
    every = queries.holding(study, "code", asked, near, 9)
    monkeypatch.setattr(index, "EXACT", 100)
    monkeypatch.setattr(similar, "represented", lambda *_: pytest.fail("rows of all images are made"))
    found = queries.holding(study, "code", asked, near, 9)
    assert found.matching == every.matching and [hit.row for hit in found.hits] == [hit.row for hit in every.hits]
    assert [hit.score for hit in found.hits] == pytest.approx([hit.score for hit in every.hits], abs=1e-5)
