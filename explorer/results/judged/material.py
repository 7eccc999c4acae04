"""What is judged: samples of a prior, as many held-out images, and what it was trained on; each made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import copying
from explorer.errors import BadInput
from explorer.lazy import cached_property
from explorer.results.judged.asked import MOST, Options, facts_of
from explorer.results.judged.seeing import Eyes, Maps, Seen

if TYPE_CHECKING:
    from explorer.encodings import Encoding
    from explorer.progress import Progress
    from explorer.results.subject import Subject

AT_ONCE = 64  # samples drawn between two looks at whether to stop
SPLITS = "samples are held against images that the prior did not learn from; choose --split test instead of {!r}"
ONE_SET = (
    "these codes are one set, and the prior learned from most of it: there are no images to hold samples against; "
    "judge a prior of a dataset with a split of its own for testing"
)


class Material:
    """What is judged, and what it is held against; each made once, when it is first asked for.

    Attributes:
        rows: of the held-out images, (n,). rest: of as many others, fewer where there are no more.
        training: codes (N, P) of all training images. classes: of samples and of held-out images, (n,).
    """

    def __init__(
        self, subject: Subject, options: Options, encoding: Encoding, obtain: Callable, progress: Progress
    ) -> None:
        from explorer.priors import folder

        if subject.split in ("train", "all"):
            raise BadInput(SPLITS.format(subject.split))
        if subject.images.split == "all":
            raise BadInput(ONE_SET)
        self.subject, self.options, self.encoding = subject, options, encoding
        self.progress = progress
        self.facts = facts_of(subject, options)
        learned = replace(subject, dataset=self.facts.dataset, split="train", limit=self.facts.training.get("limit"))
        self.learned: Encoding = obtain("encoding", learned)[1]
        self.learned_from = learned
        self.levels = self.facts.levels
        self.names = [level.name for level in self.levels]
        self.cells = sum(level.places for level in self.levels)
        self.prior = folder.load(self.facts.path)
        self.books = {name: self.learned.codebook(name) for name in self.names} | folder.books(self.facts.path)
        order = np.random.default_rng(101).permutation(len(encoding))
        self.rows = np.sort(order[: min(options.n, MOST)])
        self.rest = np.sort(order[len(self.rows) : 2 * len(self.rows)])
        if len(self.rows) < 2:
            raise BadInput(f"samples are held against held-out images, and there are {len(self.rows)}; add images")
        self._done, self.progress.unit = 0, "images"
        seen = 0 if self.subject.facts.no_decoder else 2 * len(self.rows) + len(self.learned)
        self.progress.total = len(self.rows) + seen + 3 * len(self.rows)

    def say(self, message: str, more: int = 0) -> None:
        """Counts images that are done, and stops where that is wanted."""
        self._done += more
        self.progress.update(min(self._done, self.progress.total), message)

    def classes_of(self, encoding: Encoding, rows: np.ndarray | None = None) -> np.ndarray:
        """(n,) class of each image, −1 where there is none."""
        count = len(encoding) if rows is None else len(rows)
        column = self.facts.condition and encoding.concepts().get(self.facts.condition.column)
        if column is None:
            return np.full(count, -1, np.int64)
        found = self.facts.condition.classes(column)
        return found if rows is None else found[rows]

    @cached_property
    def training(self) -> np.ndarray:
        self.say("reading the codes of training images")
        return copying.flat(self.training_codes)

    @cached_property
    def training_codes(self) -> Maps:
        return {name: self.learned.codes(name) for name in self.names}

    @cached_property
    def held(self) -> Maps:
        return {name: self.encoding.codes(name, self.rows) for name in self.names}

    @cached_property
    def classes(self) -> np.ndarray:
        return self.classes_of(self.encoding, self.rows)

    @cached_property
    def samples(self) -> Maps:
        """As many samples as held-out images, of the same classes."""
        from explorer.analysis.choices import Choices
        from explorer.jobs.devices import choose
        from explorer.priors.sampling import sample

        prior, choices = self.prior.to(choose(self.subject.device)), Choices(**self.options.choices())
        parts: list[dict[str, np.ndarray]] = []
        for start in range(0, len(self.rows), AT_ONCE):
            some = self.classes[start : start + AT_ONCE]
            told = lambda level, row, _: self.say(f"drawing samples: {level}, row {row + 1}")  # noqa: E731
            found = sample(prior, some, choices, numbers=start + np.arange(len(some)), told=told)
            parts.append({name: one.cpu().numpy() for name, one in found.items()})
            self.say("drawing samples", len(some))
        return {name: np.concatenate([one[name] for one in parts]) for name in self.names}

    def maps(self, flat: np.ndarray) -> Maps:
        """Codes (n, P) as maps of each level."""
        ends = np.cumsum([0, *(level.places for level in self.levels)])
        return {
            level.name: flat[:, a:b].reshape(-1, *level.grid)
            for level, a, b in zip(self.levels, ends[:-1], ends[1:], strict=True)
        }

    @cached_property
    def eyes(self) -> Eyes | None:
        return None if self.subject.facts.no_decoder else Eyes(self.subject, self.books, self.options.encoder)

    @cached_property
    def seen(self) -> dict[str, Seen]:
        """Pictures of samples and of held-out maps; empty without a decoder."""
        if self.eyes is None:
            return {}
        found = {}
        for name, maps in (("samples", self.samples), ("held_out", self.held)):
            found[name] = self.eyes.look(maps, lambda _: self.say("decoding and encoding again"))
            self.say("decoding", len(self.rows))
        return found
