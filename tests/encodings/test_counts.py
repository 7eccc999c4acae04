"""What is counted of an encoding holds a block in memory, is kept where that takes time, and is never another's."""

import shutil

import numpy as np
import pytest
import torch

from explorer import encodings
from explorer.analysis import codes as tables
from explorer.analysis import jackknife, usage
from explorer.analysis.concepts import values
from explorer.autoencoder import Codebook
from explorer.encodings import Encoding, counts
from explorer.errors import BadInput
from tests.encodings.test_encoding import write

VALUES = np.arange(300) % 4 - 1


@pytest.fixture
def encoded(tmp_path, monkeypatch):
    """An encoding that is read in blocks of 50 images, and never as a whole."""
    found = write(tmp_path / "x.lance")
    monkeypatch.setattr(encodings, "TOKENS", 50 * 16)
    everything = found.codes("code")

    def refused(self, columns, rows=None):
        small = columns[0].startswith("concept_") or (rows is not None and len(rows) <= 50)
        assert small, f"all of {columns} is read at once"
        return table(self, columns, rows)

    table = Encoding._table
    monkeypatch.setattr(Encoding, "_table", refused)
    return found, everything


def test_counts_are_those_of_all_codes_and_hold_one_block(encoded):
    found, everything = encoded
    assert [first for first, _ in found.blocks("code")][:3] == [0, 50, 100]
    tally = found.tally("code")
    assert tally.tokens.tolist() == found.usage("code").tolist()
    assert tally.having.tolist() == tables.images_per_code(everything, 20).tolist()
    assert tally.interval() == jackknife.entropy_interval(everything, 20)
    one = found.by_values("code", [(VALUES, 3)])[0]
    assert one.tokens[2].tolist() == usage.count_tokens(everything[VALUES == 2], 20).tolist()


def test_the_index_is_built_a_block_at_a_time(encoded, tmp_path):
    found, everything = encoded
    again = Encoding(found.path)
    for file in (found.path / "postings").iterdir():
        file.unlink()
    code = int(found.usage("code").argmax())
    rows, tokens, cells = again.standing("code", code)
    assert sorted(rows) == np.flatnonzero((everything == code).any((1, 2))).tolist()
    assert tokens.tolist() == (everything[rows] == code).sum((1, 2)).tolist()
    assert np.array_equal(cells, (everything == code).sum(0))


def test_what_is_kept_is_read_and_what_is_damaged_is_counted_again(encoded, monkeypatch):
    found, _ = encoded
    monkeypatch.setattr(counts, "KEPT", 1)
    before, by_value = found.tally("code"), found.by_values("code", [(VALUES, 3)])[0]
    with monkeypatch.context() as patch:
        patch.setattr(Encoding, "blocks", lambda *_: pytest.fail("it is counted again"))
        assert found.tally("code").interval() == before.interval()
        assert np.array_equal(found.by_values("code", [(VALUES, 3)])[0].having, by_value.having)
    other = found.by_values("code", [(np.roll(VALUES, 1), 3)])[0]
    assert not np.array_equal(other.tokens, by_value.tokens), "of other values"
    for file in counts.cache_folder().glob("postings/*/*.npz"):
        file.write_bytes(file.read_bytes()[:90])
    assert found.tally("code").tokens.tolist() == before.tokens.tolist()


def test_a_cache_that_is_deleted_while_counts_are_kept_costs_no_page(encoded, monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(counts, "KEPT", 1)
    kept = np.savez_compressed
    monkeypatch.setattr(
        np, "savez_compressed", lambda *_, **parts: (kept(*_, **parts), shutil.rmtree(tmp_path / "cache"))
    )
    assert encoded[0].tally("code").tokens.sum() == encoded[1].size and not (tmp_path / "cache").exists()


def test_a_code_outside_of_the_codebook_is_one_sentence(encoded, monkeypatch):
    found, _ = encoded
    monkeypatch.setattr(Encoding, "codebook", lambda *_: Codebook(torch.zeros(3, 3)))
    with pytest.raises(BadInput, match=r"is damaged .codes must lie in .0, 3.*delete it and encode again"):
        found.tally("code")


def test_what_pages_ask_is_counted_with_the_encoding(encoded, monkeypatch):
    found, _ = encoded
    counts.prepare(found)
    assert not list(counts.cache_folder().glob("postings/*/*.npz")), "of a small one nothing is kept"
    monkeypatch.setattr(counts, "KEPT", 1)
    counts.prepare(found)
    monkeypatch.setattr(Encoding, "blocks", lambda *_: pytest.fail("it is counted again"))
    for name, column in found.concepts().items():
        index, kinds, _ = tables.indexed(column)
        judged = values.prepared(name, column)
        asked = [(index, len(kinds)), *([] if isinstance(judged, str) else [(judged.index, len(judged.values))])]
        for layer in ("whole", "code"):
            assert found.tally(layer).images == 300 and len(found.by_values(layer, asked)) == len(asked)
