"""Proposed swaps as they are told: what they do, one by one and together, beside random ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import edits
from explorer.analysis.concepts.one_value import Probe, seen, share
from explorer.analysis.painting import Stroke
from explorer.files import digest
from explorer.glossary import help_of
from explorer.lazy import cached_property
from explorer.sheets import Block, Card, Go, Note, Piece, drawing
from explorer.study import drafting
from explorer.views import fields, palettes, words

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

NOTHING = (
    "None of {tried:,} swaps that were tried raises {axis}: it stays at {now}. Ask for another value, or begin with "
    "something painted."
)
NO_MORE = "; no further swap raised the score"
UNTOLD = "But the probe tells this value of held-out images no better than chance, so that means nothing."
UNSEEN = "Whether the picture itself moved cannot be said: pixels alone do not tell this value."
CHANCE = 0.05  # of the random sets, at most, where chance is not thought to do the same
COMMON = " So chance alone may do it, too."
PLEASES = " These codes please the first probe more than the eye."


@dataclass(frozen=True)
class Proposal:
    """What a search found for a picture."""

    study: Study
    kept: Mapping[str, Any]
    picture: Looked

    # ---- scores

    @property
    def percent(self) -> bool:
        """Whether scores are probabilities; else they are dB."""
        return self.kept["aim"]["towards"] is None

    @cached_property
    def scores(self) -> np.ndarray:
        """(n + 1,) as they are told, before any swap and after each."""
        return self._told([self.kept["start"], *(one["score"] for one in self.kept["swaps"])])

    @cached_property
    def random(self) -> np.ndarray:
        """(sets, n + 1) of random swaps."""
        return self._told(self.kept["random"]["scores"])

    def _told(self, scores: Any) -> np.ndarray:
        found = np.asarray(scores, np.float64)
        return share(found) if self.percent else -10 * np.log10(np.maximum(-found, 1e-10))

    def said(self, score: float) -> str:
        """A score as it is told."""
        if not self.percent:
            return f"{score:.2f} dB"
        return "over 99.9 %" if score > 0.999 else "under 0.1 %" if score < 0.001 else f"{100 * score:.1f} %"

    @property
    def aim(self) -> str:
        aim = self.kept["aim"]
        return f"{aim['concept']} = {aim['value']}" if self.percent else f"image {aim['towards']:,}"

    @property
    def axis(self) -> str:
        return f"probability of {self.aim}" if self.percent else f"nearness to {self.aim} (dB)"

    # ---- sentences and numbers

    def verdict(self) -> str:
        """Whether what was proposed does more than chance, by what the search saw and by what it did not see."""
        count, sets = len(self.kept["swaps"]), self.kept["random"]["sets"]
        beaten = int((self.random[:, -1] >= self.scores[-1]).sum())
        taken = f"{words.many(count, 'swap')} take{'s' if count == 1 else ''} the {self.axis.removesuffix(' (dB)')}"
        moved = f"from {self.said(self.scores[0])} to {self.said(self.scores[-1])}"
        text = f"{taken} {moved}; {self._of(beaten, sets)} as many random swaps."
        if not self.percent:
            return text
        if not self.tells("read"):
            return f"{text} {UNTOLD}"
        if not self.tells("seen"):
            return f"{text} {UNSEEN}"
        checks = np.array(self.kept["random"]["checks"])
        before, after = self.kept["start_check"], self.kept["swaps"][-1]["check"]
        beaten = int((checks >= after).sum())
        few = beaten <= CHANCE * sets
        if after > 0:  # log-odds: it says the value
            says, more = "agrees", "" if few else COMMON
        else:
            says, more = ("is moved, but not convinced", "") if after > before and few else ("does not agree", PLEASES)
        moved = f"from {self.said(float(share(before)))} to {self.said(float(share(after)))}"
        text += f" A probe of the pixels, which the search never asked, {says}: {moved}"
        return f"{text}; {self._of(beaten, sets)} random swaps.{more}"

    @staticmethod
    def _of(count: int, sets: int) -> str:
        return f"{'none' if not count else f'{count:,}'} of {sets:,} sets get{'s' if count < 2 else ''} there with"

    def tells(self, name: str) -> bool:
        """Whether a probe tells the value of held-out images better than chance."""
        return self.kept["probes"][name]["held_out"]["low"] > 0.5

    def cards(self) -> list[Card]:
        """Before and after, beside random swaps."""
        ends, last = self.random[:, -1], self.kept["swaps"][-1]
        changed, random = last["changed"], self.kept["random"]["changed"]
        change = Card(
            "Picture changed", f"{100 * changed:.1f} %", f"random swaps: {100 * np.median(random):.1f} %",
            help_of("mean absolute change"),
        )  # fmt: skip
        moved = self.said(self.scores[-1]), self._beside(self.scores[0], ends)
        if not self.percent:
            return [Card(f"Nearness to {self.aim}", *moved, help_of("nearness to an image")), change]
        before, after = (float(share(one)) for one in (self.kept["start_check"], last["check"]))
        held = self.kept["probes"]["read"]["held_out"]
        return [
            Card(f"Probability of {self.aim}", *moved, help_of("probability of the value")),
            Card(
                "By the probe of pixels", self.said(after), self._beside(before, share(self.kept["random"]["checks"])),
                help_of("probe of pixels"),
            ),
            change,
            Card(
                "Probe on held-out images", f"{held['score']:.2f}",
                f"{held['low']:.2f} to {held['high']:.2f}, {held['n']:,} images; ½ by chance",
                help_of("probe held out"),
            ),
        ]  # fmt: skip

    def _beside(self, before: float, random: np.ndarray) -> str:
        """What a score is read beside: the one before, and those of random swaps."""
        low, middle, high = (self.said(float(one)) for one in (random.min(), np.median(random), random.max()))
        return f"before: {self.said(before)}; random swaps: {middle} ({low} to {high})"

    def notes(self) -> list[str]:
        """How it was searched."""
        kept = self.kept
        fewer = len(kept["swaps"]) < kept["asked"]
        tried = f"{words.many(kept['tried'], 'picture')} with {words.many(kept['codes'], 'code')} were tried"
        text = f"{tried} in {kept['seconds']:.0f} s"
        enough = self.percent and self.scores[-1] > 0.999
        full = len(kept["swaps"]) == self.own[kept["layer"]].size
        more = "; the search ends at 99.9 %" if enough else "; there are no more cells" if full else NO_MORE
        text += f"{more if fewer else ''}."
        if self.percent:
            look = kept["looks"]
            text += (
                f" Probes are fitted on {kept['fitted']:,} other images and scored on {kept['held']:,} more. From the "
                f"pixels: hue {look['hue'][0]} → {look['hue'][1]}, lightness {look['lightness'][0]:.2f} → "
                f"{look['lightness'][1]:.2f}, saturation {look['saturation'][0]:.2f} → {look['saturation'][1]:.2f}."
            )
        return [text]

    def unfound(self) -> list[Block]:
        text = NOTHING.format(tried=self.kept["tried"], axis=f"the {self.axis}", now=self.said(self.scores[0]))
        return [Note(text, "info")]

    # ---- pictures

    @cached_property
    def own(self) -> dict[str, np.ndarray]:
        """(H, W) codes of the picture in each layer."""
        return self.study.every_code(self.picture)

    @property
    def sizes(self) -> dict[str, int]:
        return self.study.sizes

    def begun(self) -> dict[str, np.ndarray]:
        """Codes that the search began with."""
        return edits.read(self.kept["begin"], self.own, self.sizes)

    def swapped(self, swaps: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
        """Codes with swaps, (cell, code) each."""
        found = self.begun()
        flat = found[self.kept["layer"]].reshape(-1)
        for cell, code in swaps:
            flat[cell] = code
        return found

    def decoded(self, edit: Mapping[str, np.ndarray]) -> np.ndarray:
        """(h, w, 3) uint8."""
        strokes = {}
        for name in self.kept["layers"]:
            where = edit[name] != self.own[name]
            if where.any():
                codes = edit[name][where]
                strokes[name] = Stroke(where, codes, self.study.book(name).vectors[codes].cpu().numpy())
        return self.study.paint(self.picture, strokes, self.kept["layers"]).after

    def pictures(self) -> list[tuple[str, str, np.ndarray]]:
        """Title, note and pixels: before, after all swaps, after random ones, and the image to go towards."""
        all_swaps = [(one["cell"], one["code"]) for one in self.kept["swaps"]]
        middle = int(np.argsort(self.random[:, -1], kind="stable")[len(self.random) // 2])
        found = [
            ("Before", self.said(self.scores[0]), self.decoded(self.begun())),
            ("All proposed swaps", self.said(self.scores[-1]), self.decoded(self.swapped(all_swaps))),
            (
                "Random swaps", f"{self.said(self.random[middle, -1])}, the middle one of the sets",
                self.decoded(self.swapped(self.kept["random"]["middle"])),
            ),
        ]  # fmt: skip
        if not self.percent:
            towards = self.kept["aim"]["towards"]
            found.append((f"Image {towards:,}", "what it should look like", self.study.image(towards).pixels))
        return found

    # ---- to touch

    def piece(self, left: str) -> Piece:
        """The proposed swaps as a list, each to take or leave.

        Args:
            left: places of those that were left, such as `2,5`.
        """
        gone = [int(one) for one in fields.listed(left) if one.isdecimal() and int(one) < len(self.kept["swaps"])]
        return Piece(
            "proposals", "proposals", self.data(gone), f"Proposed swaps for {self.aim}, to take or leave",
            go=Go(None, {"left": "{left}"}),
        )  # fmt: skip

    def data(self, gone: Sequence[int]) -> dict[str, Any]:
        """What the list shows."""
        study, layer, swaps = self.study, self.kept["layer"], self.kept["swaps"]
        raw, random = self.lengths
        low, high = min(raw.min(), random.min()), max(raw.max(), random.max())
        bar = [(one - low) / max(high - low, 1e-9) for one in (raw, random.min(0), random.max(0))]
        alone = np.array([one["alone"] for one in swaps])
        rows, alone = [], alone if self.percent else self._told(alone)
        for place, one in enumerate(swaps, 1):
            chance = self.random[:, place]
            rows.append({
                "cell": one["cell"], "before": one["code_before"], "code": one["code"],
                "from": float(bar[0][place - 1]), "to": float(bar[0][place]),
                "low": float(bar[1][place]), "high": float(bar[2][place]),
                "said": f"{self.said(self.scores[place - 1])} → {self.said(self.scores[place])}",
                "gain": f"{raw[place] - raw[place - 1]:+.2f} {'log-odds' if self.percent else 'dB'}",
                "chance": f"{self.said(chance.min())} to {self.said(chance.max())}",
                "alone": f"{self.said(float(self._told(one['alone'])))} ({alone[place - 1] - raw[0]:+.2f})",
                "changed": f"{100 * one['changed']:.1f} %",
            })  # fmt: skip
        codes = sorted({code for one in swaps for code in (one["code_before"], one["code"])})
        return {
            "key": self.mark, "layer": layer, "grid": list(self.own[layer].shape), "rows": rows, "left": list(gone),
            "picture": drawing.url(self.decoded(self.begun())), "axis": self.axis,
            "bar": f"log-odds of {self.aim}" if self.percent else self.axis, "sets": self.kept["random"]["sets"],
            "help": {
                "bar": help_of("log-odds" if self.percent else "nearness to an image"),
                "alone": help_of("swap alone"), "chance": help_of("random swaps"),
                "changed": help_of("mean absolute change"),
            },
        } | palettes.described(study, layer, codes)  # fmt: skip

    @property
    def lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores (n + 1,) and those of random swaps (sets, n + 1) as bars have them: in log-odds, or in dB."""
        if not self.percent:
            return self.scores, self.random
        kept = self.kept
        return np.array([kept["start"], *(one["score"] for one in kept["swaps"])]), np.array(kept["random"]["scores"])

    @property
    def mark(self) -> str:
        """As the canvas has it: what is painted there belongs to this checkpoint and picture."""
        return digest(self.study.subject.fingerprint, self.study.subject.kmeans, self.picture.key)[:6]

    def scored(self, pixels: np.ndarray) -> dict[str, str]:
        """What the probes, or the other image, say of a picture (h, w, 3) uint8 that was painted."""
        if not self.percent:
            target = self.study.image(self.kept["aim"]["towards"]).pixels.astype(np.float64)
            score = -np.square((pixels - target) / 255).mean()
            return {"score": self.said(float(self._told(score)))}
        read, look = (Probe(np.array(self.kept["probes"][name]["weights"]), self.kept["probes"][name]["offset"])
                      for name in ("read", "seen"))  # fmt: skip
        pooled = self.study.through(drafting.pooled, self.kept["layer"], pixels[None])
        return {
            "score": self.said(float(share(read.scores(pooled)[0]))),
            "check": self.said(float(share(look.scores(seen(pixels[None]))[0]))),
        }
