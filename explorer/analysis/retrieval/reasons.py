"""Why two images are alike: the codes that both have, how much each adds, and the cells where they stand.

The cosine of two rows of length 1 is a sum over what both have, so the share of each code in it is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Reason:
    """A code that two images share.

    Attributes:
        code: its number. share: of the sum over all codes that both have, in (0, 1].
        here, there: cells of the query and of the other image, as indices row by row.
    """

    code: int
    share: float
    here: np.ndarray
    there: np.ndarray


def products(one: csr_array, other: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n,) that two sparse rows (1, F) both have, and the products of their weights (n,), as they stand."""
    both = one.multiply(other).tocsr()
    both.sum_duplicates()
    return both.indices.astype(np.int64), both.data.astype(np.float64)


def of_bags(
    one: csr_array, other: csr_array, maps: tuple[np.ndarray, np.ndarray], inside: np.ndarray | None = None
) -> list[Reason]:
    """The codes that two bags (1, K) share, those that add most to the cosine first, ties by number.

    Args:
        maps: codes (H, W) of both images. inside: cells (H, W) bool of the first that count; None for all.
    """
    codes, added = products(one, other)
    order = np.lexsort((codes, -added))
    total = added.sum()
    return [
        Reason(int(codes[i]), float(added[i] / total), standing(maps[0], codes[i], inside), standing(maps[1], codes[i]))
        for i in order
        if added[i] > 0
    ]


def of_places(one: csr_array, other: csr_array, codes: np.ndarray) -> list[Reason]:
    """The same of codes at places, rows (1, F): cells where both have the same code, summed for each code.

    `codes` (H, W) are those of the other image, all of whose pairs of code and cell have a column; columns ascend with
    the cells, so the n-th column of its row is that of the n-th cell.
    """
    columns, added = products(one, other)
    cells = np.searchsorted(np.sort(other.indices), columns)
    numbers, of = np.unique(np.asarray(codes).reshape(-1)[cells], return_inverse=True)
    sums = np.bincount(of, added, len(numbers))
    order = np.lexsort((numbers, -sums))
    return [
        Reason(int(numbers[i]), float(sums[i] / sums.sum()), there := np.sort(cells[of == i]), there)
        for i in order
        if sums[i] > 0
    ]


def standing(codes: np.ndarray, code: int, inside: np.ndarray | None = None) -> np.ndarray:
    """(n,) cells with a code, as indices row by row: codes (H, W), and `inside` (H, W) bool which cells count."""
    found = np.asarray(codes) == code
    return np.flatnonzero(found if inside is None else found & inside)


def slots(lists: Sequence[Sequence[int]], count: int) -> list[list[int]]:
    """One of `count` colours for each code of each list; within a list they differ, if there are enough of them.

    A code has the same colour in all lists as far as that goes. Greedy, as colouring a graph whose edges join the codes
    of a list: codes of most lists first, each with the colour that its neighbours have least, and of those the one used
    least so far; where two of a list still have the same one, the later gets another there.
    """
    usual = _usual(lists, count)
    found = []
    for codes in lists:
        taken: list[int] = []
        for code in codes:
            free = [slot for slot in range(count) if slot not in taken]
            taken.append(usual[code] if usual[code] in free or not free else free[0])
        found.append(taken)
    return found


def _usual(lists: Sequence[Sequence[int]], count: int) -> dict[int, int]:
    """The colour that each code has where nothing speaks against it."""
    often: dict[int, int] = {}
    beside: dict[int, dict[int, int]] = {}
    for codes in lists:
        for code in codes:
            often[code] = often.get(code, 0) + 1
            met = beside.setdefault(code, {})
            for other in codes:
                if other != code:
                    met[other] = met.get(other, 0) + 1
    found: dict[int, int] = {}
    used = np.zeros(count, np.int64)
    for code in sorted(often, key=lambda one: (-often[one], one)):
        taken = np.zeros(count, np.int64)
        for other, times in beside[code].items():
            if other in found:
                taken[found[other]] += times
        chosen = int(np.lexsort((np.arange(count), used, taken))[0])
        found[code] = chosen
        used[chosen] += 1
    return found
