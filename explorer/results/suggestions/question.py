"""One question about one image: which swaps make it more of a concept, or more like another image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import edits
from explorer.errors import BadInput
from explorer.lazy import cached_property

if TYPE_CHECKING:
    from explorer.analysis.drafts import Drafts
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.scores.material import Material
    from explorer.results.subject import Subject
    from explorer.results.suggestions import Options

MOST, FEWEST = 6_000, 400  # pictures that are drawn for a search: the most at 64 × 64 px, of larger ones fewer


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
        from explorer.analysis import proposing
        from explorer.results.suggestions import aims

        self.check()
        options, drafts = self.options, self.drafts
        if options.towards is not None:
            codes = self.encoding.codes(self.layer, [options.towards])[0]
            aim = proposing.near(self.pixels([options.towards])[0], codes, drafts.start)
        else:
            aim = aims.concept(self)
        used = np.flatnonzero(self.encoding.usage(self.layer))
        drawn = self.affordable(MOST, FEWEST)
        return {
            "image": options.image, "name": str(self.subject.images.names[options.image]), "layer": self.layer,
            "layers": self.layers, "begin": options.begin, "finer": options.finer,
            "aim": {"concept": options.concept, "value": options.value, "towards": options.towards},
            **proposing.propose(drafts, aim, used, options.swaps, drawn, self._tell),
        }  # fmt: skip

    def _tell(self, done: int, total: int, said: str) -> None:
        self.progress.total, self.progress.unit = total, "pictures"
        self.progress.update(done, said)

    def pixels(self, rows: Any) -> np.ndarray:
        """(n, h, w, 3) uint8 of images of the set."""
        return self.subject.images.read(np.asarray(rows))

    def affordable(self, most: int, fewest: int) -> int:
        """How many pictures are worth the time: `most` of 64 × 64 px, of larger ones fewer."""
        from explorer.analysis import proposing

        return proposing.affordable(most, fewest, self.subject.facts.image_size)
