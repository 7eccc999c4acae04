"""One question about one image: which swaps make it more of a concept, or more like another image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import edits
from explorer.errors import BadInput

if TYPE_CHECKING:
    from explorer.analysis.drafts import Drafts
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.scores.material import Material
    from explorer.results.subject import Subject
    from explorer.results.suggestions import Options
    from explorer.results.suggestions.aims import Aim

MOST, FEWEST = 6_000, 400  # pictures that are drawn for a search: the most at 64 × 64 px, of larger ones fewer
SETS = 24  # of random swaps


@dataclass(frozen=True)
class Question:
    """One question: it opens what it needs when it is asked for."""

    subject: Subject
    options: Options
    encoding: Encoding
    progress: Progress
    obtain: Callable

    # ---- what is asked of what

    @cached_property
    def material(self) -> Material:
        from explorer.results.scores.asked import Options as Everything
        from explorer.results.scores.material import Material

        return Material(self.subject, Everything(), self.encoding, self.progress, self.obtain)

    @cached_property
    def layer(self) -> str:
        return self.encoding.layer(self.options.layer).name

    @cached_property
    def layers(self) -> list[str]:
        """Layers that the decoder gets."""
        known = [layer.name for layer in self.encoding.layers]
        if not self.material.model.joint:
            return [self.layer]
        return known[: known.index(self.layer) + 1] if self.options.finer == "drop" else known

    def check(self) -> None:
        """BadInput, one sentence, for what cannot be asked."""
        from explorer.autoencoder import no_decoder

        options, count = self.options, len(self.subject.images)
        if self.material.model is None or no_decoder(self.material.model):
            raise BadInput(f"{self.subject.facts.name} cannot decode codes, so there is nothing to search by")
        if bool(options.concept) == (options.towards is not None):
            raise BadInput("nothing is asked for; give either a concept and its value, or an image to go towards")
        for name in ("image", "towards"):
            row = getattr(options, name)
            if row is not None and row >= count:
                raise BadInput(f"{name} {row:,} is not there; choose from 0 to {count - 1:,}")
        if options.towards == options.image:
            raise BadInput(f"image {options.image:,} is to become itself; choose another image to go towards")

    @cached_property
    def positive(self) -> np.ndarray:
        """(N,) 1 where an image has the value, 0 where it has another one, -1 where that is not known."""
        from explorer.analysis.concepts import values

        concept, value, table = self.options.concept, self.options.value, self.material.table
        known = [str(name) for name in table.columns]
        if concept not in known:
            raise BadInput(f"unknown concept {concept!r}; choose from {', '.join(known) or 'none: no labels'}")
        found = values.prepared(concept, table[concept], computed=concept in self.material.computed)
        if isinstance(found, str):
            raise BadInput(found)
        if value not in found.values:
            raise BadInput(f"unknown value {value!r} of {concept}; choose from {', '.join(found.values)}")
        return np.where(found.known, found.index == found.values.index(value), -1)

    @cached_property
    def drafts(self) -> Drafts:
        """The image with the edit that comes first."""
        from explorer.analysis.concepts import passes
        from explorer.analysis.drafts import Drafts

        codes = {one.name: self.encoding.codes(one.name, [self.options.image])[0] for one in self.encoding.layers}
        sizes = {name: len(self.encoding.codebook(name)) for name in codes}
        edit = edits.read(self.options.begin, codes, sizes)
        latents = passes.latents(self.material.model, self.pixels([self.options.image]))
        found = {name: latents[name][0].float().cpu().numpy() for name in self.layers}
        for name in self.layers:
            painted = edit[name] != codes[name]
            found[name][painted] = self.material.vectors(name)[edit[name][painted]]
        start = edit[self.layer].reshape(-1)
        return Drafts(self.material.model, found, self.layer, self.material.vectors(self.layer), start)

    # ---- what is found

    def found(self) -> dict[str, Any]:
        """See above."""
        from explorer.analysis import suggesting
        from explorer.results.suggestions import aims

        self.check()
        options, drafts = self.options, self.drafts
        aim = aims.towards(self) if options.towards is not None else aims.concept(self)
        plan = suggesting.Plan.of(self.affordable(MOST, FEWEST), options.swaps)
        self.progress.total = plan.scan + plan.widen + options.swaps * plan.again + SETS * (options.swaps + 1)
        self.progress.unit, drawn = "pictures", 0

        def score(codes: np.ndarray, said: str = "trying swaps") -> np.ndarray:
            nonlocal drawn
            size, parts = max(self.affordable(256, 16), 16), []
            for at in range(0, len(codes), size):
                parts.append(aim.score(drafts.pictures(codes[at : at + size])))
                drawn = min(drawn + len(parts[-1]), self.progress.total - 1)
                self.progress.update(drawn, said)
            return np.concatenate(parts) if parts else np.empty(0)

        found = suggesting.search(drafts.start, aim.pairs, options.swaps, score, plan, aim.enough)
        used = np.flatnonzero(self.encoding.usage(self.layer))
        sets = suggesting.random_swaps(drafts.start, used, len(found.cells), SETS)
        random = self._random(aim, sets, partial(score, said="random swaps, to compare with"))
        return {
            "image": options.image, "name": str(self.subject.images.names[options.image]), "layer": self.layer,
            "layers": self.layers, "begin": options.begin, "finer": options.finer,
            "aim": {"concept": options.concept, "value": options.value, "towards": options.towards},
            "asked": options.swaps, "tried": found.tried, "codes": len(np.unique(aim.pairs[:, 1])),
            **self._told(aim, found), "random": random, **aim.facts,
        }  # fmt: skip

    def _told(self, aim: Aim, found: Any) -> dict[str, Any]:
        """The swaps and their effects."""
        from explorer.analysis.concepts import pictures as computed

        steps = np.repeat(self.drafts.start[None], len(found.cells) + 1, 0)
        for place, (cell, code) in enumerate(zip(found.cells, found.codes, strict=True), 1):
            steps[place:, cell] = code
        pixels = self.drafts.pictures(steps)
        checks, changed = aim.check(pixels), _changed(pixels[0], pixels)
        looks = computed.measure(pixels[[0, -1]])
        swaps = [
            {
                "cell": int(cell), "code_before": int(self.drafts.start[cell]), "code": int(code),
                "score": float(found.scores[place]), "alone": float(found.alone[place - 1]),
                "changed": float(changed[place]), "check": None if checks is None else float(checks[place]),
            }
            for place, (cell, code) in enumerate(zip(found.cells, found.codes, strict=True), 1)
        ]  # fmt: skip
        return {
            "swaps": swaps, "start": float(found.scores[0]),
            "start_check": None if checks is None else float(checks[0]),
            "looks": {name: looks[name].astype(str if name == "hue" else float).tolist()
                      for name in ("lightness", "saturation", "hue")},
        }  # fmt: skip

    def _random(self, aim: Aim, sets: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
        """The yardstick: as many random swaps."""
        from explorer.analysis.suggesting import applied

        steps = applied(self.drafts.start, sets)  # (sets, swaps + 1, C)
        scores = score(steps.reshape(-1, steps.shape[-1])).reshape(steps.shape[:2]).tolist()
        last = self.drafts.pictures(steps[:, -1])
        checks, changed = aim.check(last), _changed(self.drafts.pictures(self.drafts.start[None])[0], last).tolist()
        checks = [] if checks is None else checks.tolist()
        order = np.argsort([one[-1] for one in scores], kind="stable")
        middle = sets[order[len(order) // 2]].tolist()
        return {"sets": SETS, "scores": scores, "checks": checks, "changed": changed, "middle": middle}

    def pixels(self, rows: Any) -> np.ndarray:
        """(n, h, w, 3) uint8 of images of the set."""
        return self.subject.images.read(np.asarray(rows))

    def affordable(self, most: int, fewest: int) -> int:
        """How many pictures are worth the time: `most` of 64 × 64 px, of larger ones fewer."""
        from explorer.results.scores import networks

        return networks.affordable(self.material, most, fewest)


def _changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Mean absolute change of pictures (n, h, w, 3) uint8 against one, (n,) in [0, 1]."""
    return np.abs(after.astype(np.float32) - before.astype(np.float32)).mean((1, 2, 3)) / 255
