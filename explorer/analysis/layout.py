"""The layout step of UMAP as one compiled loop.

A first map by umap-learn spends most of its time compiling code for other metrics, for transforms and for its own
neighbour search. This one loop compiles in about a second, and is kept on disk for the next process.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(fastmath=True, cache=True)
def run_epoch(points, heads, tails, period, due, negative_due, negatives, epoch, alpha, a, b, state):
    """One pass over the edges: pull the ends of those that are due together, push random points apart.

    Changes points (N, d) float32, due and negative_due (E,) float32 and state (1,) uint64 in place. As in umap-learn,
    a pull moves both ends, and the step of every coordinate is cut to [-4, 4] before the learning rate alpha.

    Args:
        heads, tails: (E,) int32 ends of each edge.
        period: (E,) float32 epochs between two pulls of an edge, ≥ 1.
        due, negative_due: the epochs at which each edge is next pulled, and next pushed.
        negatives: pushes per pull.

    Source: McInnes, Healy and Melville, UMAP, 2018, algorithm 5 and section 3.2.
    """
    number, dims = points.shape
    random = state[0]
    for edge in range(len(heads)):
        if due[edge] > epoch:
            continue
        head, tail = heads[edge], tails[edge]
        square = np.float32(0)
        for d in range(dims):
            square += (points[head, d] - points[tail, d]) ** 2
        if square > 0:
            power = square**b
            pull = -2 * a * b * power / square / (a * power + 1)
            for d in range(dims):
                step = min(max(pull * (points[head, d] - points[tail, d]), -4.0), 4.0) * alpha
                points[head, d] += step
                points[tail, d] -= step
        due[edge] += period[edge]
        pushes = int((epoch - negative_due[edge]) * negatives / period[edge])
        for _ in range(pushes):
            random = random * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            other = np.int64((random >> np.uint64(33)) % np.uint64(number))
            square = np.float32(0)
            for d in range(dims):
                square += (points[head, d] - points[other, d]) ** 2
            if square > 0:
                push = 2 * b / ((0.001 + square) * (a * square**b + 1))
                for d in range(dims):
                    points[head, d] += min(max(push * (points[head, d] - points[other, d]), -4.0), 4.0) * alpha
        negative_due[edge] += pushes * period[edge] / negatives
    state[0] = random
