"""How often each interval that the program shows holds what is true: 300 samples of each, of a world that is known.

    python -m tests.benchmarks.intervals [SAMPLES]

A world is a shipped encoding (its 5,000 images are taken for all there are), or a distribution; a sample is drawn from
it with replacement. An interval should hold in 92 to 98 of 100, or say that there are too few images for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np

from explorer.analysis import jackknife, points, quality, selection, usage
from explorer.analysis.concepts import information, unseen
from explorer.study import open_study

Held = tuple[bool, bool]  # whether an interval was given, and whether it holds


def main(samples: int) -> None:
    print(f"{'interval':44} {'images':>6} {'held':>6} {'given':>6}")
    for name, images, trial in trials():
        found = [trial(np.random.default_rng(seed), seed) for seed in range(samples)]
        flat = [one for some in found for one in (some if isinstance(some, list) else [some])]
        given = [held for shown, held in flat if shown]
        rate = f"{np.mean(given):6.3f}" if len(given) >= len(flat) / 20 else "     –"
        print(f"{name:44} {images:6} {rate} {len(given) / len(flat):6.2f}", flush=True)


def trials() -> Iterator[tuple[str, int, Callable]]:
    """Name, images in a sample, and (generator, seed) -> what was given and whether it holds."""
    for checkpoint, layer in (("vqvae2-shapes", "top"), ("vqvae2-shapes", "bottom"), ("vqvae-shapes", "code")):
        study = open_study(checkpoint)
        codes, size = study.codes(layer), len(study.book(layer))
        for images in (20, 50, 100, 300, 1000):
            yield f"perplexity of {checkpoint} {layer}", images, _perplexity(codes, size, images)
    for checkpoint, layer in (("vqvae-shapes", "code"), ("vqvae2-shapes", "top")):
        study = open_study(checkpoint)
        codes, size, table = study.codes(layer).astype(np.int64), len(study.book(layer)), study.concepts()
        for images in (300, 1000):
            for concept in ("shape", "colour", "background"):
                labels = usage.levels(table[concept])[0]
                yield f"bits of {concept}, {checkpoint} {layer}", images, _bits(codes, labels, size, images)
        for images in (20, 100):
            yield f"unseen in a new image, {checkpoint} {layer}", images, _mass(codes, size, images)
            yield f"codes of further images, {checkpoint} {layer}", images, _further(codes, size, images)
    errors = open_study("vqvae-shapes").errors()
    for score in ("psnr", "ssim", "mse"):
        for images in (10, 50, 300):
            yield f"mean {score} of vqvae-shapes", images, _mean(errors[score].dropna().to_numpy(), images)
    for images in (10, 50, 300):
        yield "gain of a layer: mean of paired differences", images, _gain(images)
    for images in (20, 100, 500):
        yield "share (Wilson), p = 0.1", images, _share(0.1, images)
    for images in (40, 200, 1000):
        yield "log-odds, codes in 2 to 40 % of images", images, _log_odds(images)
    study = open_study("vqvae-shapes")
    pooled, shapes = study.encoding.pooled("code"), study.concepts()
    concept = next(name for name in shapes if not str(shapes[name].dtype).startswith("float"))
    for images in (100, 500):
        yield f"neighbours that share {concept}", images, _agreement(pooled, shapes[concept].to_numpy(), images)


def _perplexity(codes: np.ndarray, size: int, images: int) -> Callable:
    truth = 2 ** float(usage.entropy_bits(usage.count_tokens(codes, size)))

    def trial(generator: np.random.Generator, seed: int) -> Held:
        found = jackknife.perplexity_interval(codes[generator.integers(0, len(codes), images)], size)
        return found.enough, found.low <= truth <= found.high

    return trial


def _bits(codes: np.ndarray, labels: np.ndarray, size: int, images: int) -> Callable:
    table = usage.occurrences(codes, size)
    sums = usage.sum_rows(table, labels, labels.max() + 1).toarray()
    parts = (usage.entropy_bits(one) for one in (sums.sum(0), sums.sum(1), sums.reshape(-1)))
    truth = next(parts) + next(parts) - next(parts)

    def trial(generator: np.random.Generator, seed: int) -> Held:
        rows = generator.integers(0, len(labels), images)
        own = np.unique(labels[rows], return_inverse=True)[1]
        found = information.measure(table[rows], own, seed=seed, shuffles=30).tokens
        return True, bool(found.low <= truth <= found.high)

    return trial


def _mass(codes: np.ndarray, size: int, images: int) -> Callable:
    share = usage.count_tokens(codes, size) / codes.size

    def trial(generator: np.random.Generator, seed: int) -> Held:
        rows = generator.integers(0, len(codes), images)
        counts = unseen.count([codes[rows]], size, seed=seed, resamples=2)
        value, error = unseen.alone([codes[rows]], counts)
        return True, bool(abs(value - share[counts.tokens == 0].sum()) <= unseen.SURE * error)

    return trial


def _further(codes: np.ndarray, size: int, images: int) -> Callable:
    def trial(generator: np.random.Generator, seed: int) -> Held:
        rows = generator.integers(0, len(codes), images + images // 2)
        counts = unseen.count([codes[rows[:images]]], size, seed=seed)
        value, again = float(unseen.further(counts.images, 0.5)), unseen.further(counts.again_images, 0.5)
        low, high = unseen.further_interval(value, again, (counts.images == 0).sum())
        new = len(np.setdiff1d(codes[rows[images:]], codes[rows[:images]]))
        return True, low <= new <= high

    return trial


def _mean(scores: np.ndarray, images: int) -> Callable:
    def trial(generator: np.random.Generator, seed: int) -> Held:
        found = quality.summary(generator.choice(scores, images))
        return True, found.low <= scores.mean() <= found.high

    return trial


def _gain(images: int) -> Callable:
    def trial(generator: np.random.Generator, seed: int) -> Held:
        before = generator.normal(20, 3, images)
        found = quality.summary(before + generator.gamma(2, 1, images) - before)  # skewed, and 2 on average
        return True, found.low <= 2 <= found.high

    return trial


def _share(share: float, images: int) -> Callable:
    def trial(generator: np.random.Generator, seed: int) -> Held:
        low, high = points.wilson(np.array([generator.binomial(images, share)]), images)
        return True, bool(low[0] <= share <= high[0])

    return trial


def _log_odds(images: int) -> Callable:
    rest, inside = np.geomspace(0.02, 0.4, 12), np.geomspace(0.02, 0.4, 12)[::-1]
    truth = np.log(inside / (1 - inside)) - np.log(rest / (1 - rest))

    def trial(generator: np.random.Generator, seed: int) -> list[Held]:
        half = images // 2
        drawn = generator.binomial(half, inside), generator.binomial(half, rest)
        found = selection.enrich(np.arange(12), *drawn, half, half)
        held = (found.low <= truth[found.items]) & (truth[found.items] <= found.high)
        return [(True, bool(one)) for one in held]

    return trial


def _agreement(latents: np.ndarray, labels: np.ndarray, images: int) -> Callable:
    """What is true is the mean over as many other samples of so many images."""
    from explorer.analysis.neighbours import nearest

    def asked(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        rows = generator.choice(len(latents), images, replace=False)
        return nearest(latents[rows], 15)[0], labels[rows]

    truth = np.mean([points.agreement(*asked(np.random.default_rng([1, seed])))[0] for seed in range(300)])

    def trial(generator: np.random.Generator, seed: int) -> Held:
        near, of = asked(generator)
        _, low, high = points.agreement_interval(near, of, np.arange(images), seed=seed)
        return True, low <= truth <= high

    return trial


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
