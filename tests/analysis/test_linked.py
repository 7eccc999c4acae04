"""Which cells of two grids stand on one place, and how often two codes do."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import linked


def covered(grid, other, cell):
    """Cells of the other grid that a cell overlaps, as (row, column)."""
    rows, columns = linked.meeting(grid, other)
    return [(r, c) for r in range(*rows[cell[0]]) for c in range(*columns[cell[1]])]


def test_a_coarse_cell_covers_four_of_a_grid_twice_as_fine_and_each_of_them_only_it():
    assert covered((8, 8), (16, 16), (2, 5)) == [(4, 10), (4, 11), (5, 10), (5, 11)]
    assert covered((16, 16), (8, 8), (5, 10)) == [(2, 5)]


def test_grids_that_do_not_divide_one_another_meet_where_they_overlap():
    # thirds beside halves: the middle third lies in both halves
    assert [covered((3, 1), (2, 1), (row, 0)) for row in range(3)] == [[(0, 0)], [(0, 0), (1, 0)], [(1, 0)]]
    # 7 rows beside 8: row 3 reaches from 3/7 to 4/7, that is from 3.43 to 4.57 eighths
    assert linked.spans(7, 8)[3].tolist() == [3, 5]


def test_one_cell_and_a_row_of_tokens_meet_everything():
    everything = [(r, c) for r in range(2) for c in range(3)]
    assert covered((1, 1), (2, 3), (0, 0)) == everything
    assert covered((1, 5), (2, 3), (0, 4)) == everything
    assert covered((2, 3), (1, 5), (1, 2)) == [(0, token) for token in range(5)]


def test_pairs_of_cells_are_those_that_overlap_by_area():
    for grid, other in (((2, 2), (3, 3)), ((8, 8), (16, 16)), ((1, 1), (4, 4)), ((5, 4), (7, 6))):
        first, second = linked.overlapping(grid, other)
        found = set(zip(first.tolist(), second.tolist(), strict=True))
        wanted = set()
        for i in range(grid[0] * grid[1]):
            for j in range(other[0] * other[1]):
                inside = True
                for axis, (a, b) in enumerate(zip(divmod(i, grid[1]), divmod(j, other[1]), strict=True)):
                    # in whole numbers: parts a of n and b of m overlap
                    n, m = grid[axis], other[axis]
                    inside &= max(a * m, b * n) < min((a + 1) * m, (b + 1) * n)
                if inside:
                    wanted.add((i, j))
        assert found == wanted and len(first) == len(found)


def test_places_are_cells_of_the_finer_grid_and_the_coarser_cell_around_their_middle():
    ours, theirs = linked.places((2, 2), (4, 4))
    assert ours.tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3] and theirs.tolist() == list(range(16))
    ours, theirs = linked.places((3, 1), (2, 1))  # the middle third's middle is the edge of both halves: the lower one
    assert ours.tolist() == [0, 1, 2] and theirs.tolist() == [0, 1, 1]


def test_a_permuted_codebook_stands_on_the_same_places():
    generator = np.random.default_rng(0)
    codes, permutation = generator.integers(0, 6, (20, 4, 4)), generator.permutation(6)
    met = linked.together(codes, permutation[codes], (6, 6))
    for code in range(6):
        others, counts = met.of(code)
        assert others.tolist() == [permutation[code]] and counts.tolist() == [(codes == code).sum()]


def test_counts_by_hand_and_from_the_other_side():
    ours = np.array([[[0, 1], [1, 1]]])
    theirs = np.array([[[2]]])  # one cell: on all four places
    met = linked.together(ours, theirs, (2, 3))
    assert met.places == 4 and met.images == 1
    assert [one.tolist() for one in met.of(0)] == [[2], [1]] and [one.tolist() for one in met.of(1)] == [[2], [3]]
    back = met.turned(3)
    assert [one.tolist() for one in back.of(2)] == [[1, 0], [3, 1]] and not len(back.of(0)[0])
    assert met.between(np.array([0, 1, 1]), np.array([2, 2, 0])).tolist() == [1, 3, 0]


def test_tokens_without_a_place_stand_with_every_cell():
    met = linked.together(np.array([[[0, 0, 1]]]), np.array([[[0], [1]]]), (2, 2))
    assert met.places == 6 and met.of(0)[1].tolist() == [2, 2] and met.of(1)[1].tolist() == [1, 1]


@pytest.mark.parametrize("grids", [((1, 1), (1, 1)), ((8, 8), (16, 16)), ((64, 64), (64, 64)), ((1, 32), (16, 16))])
def test_no_more_is_counted_than_takes_a_moment(grids):
    images = linked.affordable(*grids)
    assert images >= 1 and images * len(linked.places(*grids)[0]) <= linked.PAIRS
