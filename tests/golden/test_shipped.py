"""Every encoding, map and measurement that ships is found by somebody: no file lies there in vain."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from explorer import checkpoints, results
from explorer.files import SHIPPED
from explorer.priors import folder
from explorer.results import RESULTS, maps
from explorer.results import continuous as beside_codes
from explorer.results.measurements import Latents
from explorer.results.scores import SCORES
from explorer.results.subject import Subject
from explorer.study import Study, open_study, pair
from explorer.views import edit, fields, suggestions

KMEANS = (32, 64, 128, 256)
FILLS = [{"fill": fill} for fill in ("mean", "zeros", "other")]


def asked(subject: Subject) -> dict[str, list]:
    """What can be asked for of each kind."""
    layers = [layer["name"] for layer in subject.facts.layers]
    continuous = [layer["name"] for layer in subject.facts.layers if layer.get("codes") is None]
    priors = [{"prior": str(one.path)} for one in folder.find(subject.fingerprint)]
    every = itertools.product(layers, maps.WHAT, maps.METHODS, (2, 3))
    return {
        "encoding": [None], "map": [maps.Options(*how) for how in every],
        "layers": FILLS, "rates": [None], "codecs": [None], "pictures": [None], "masks": [None],
        "latents": [Latents(name) for name in continuous], "score": [{"score": score} for score in SCORES],
        "comparison": [
            pair.options_of(Study(subject), checkpoints.describe(SHIPPED / other))
            for other in checkpoints.SHIPPED_ORDER if other != subject.facts.name
        ],
        "suggestions": [first_question(open_study(subject.checkpoint))], "retrieval": [None],
        "ids": [None], "surprisal": priors,
        "judged": [one | {"guidance": guidance} for one in priors for guidance in (1.0, 2.0)],
        "continuous": [None] if not beside_codes.unfit(subject.facts, "") else [],
        "groups": [{"layer": name, "by": by} for name in layers for by in ("", "beside")],
    }  # fmt: skip


def first_question(study: Study):
    """What the page Edit asks for until something else is chosen."""
    picture = study.image(0)
    options, _ = fields.settled(edit.Options, study, {}, picture)
    return suggestions.question(study, options, picture)


@pytest.mark.parametrize("name", checkpoints.SHIPPED_ORDER)
def test_everything_that_ships_is_found(name):
    path = SHIPPED / name
    found = set()
    for kmeans in KMEANS:
        subject = replace(open_study(path).subject, kmeans=kmeans)
        for kind, options in asked(subject).items():
            found |= {answer[0] for one in options if (answer := results.find(kind, subject, one)) is not None}
    for place in {kind.folder for kind in RESULTS.values()}:
        on_disk = set((path / place).iterdir()) if (path / place).is_dir() else set()
        assert not on_disk - found, f"nobody asks for {sorted(one.name for one in on_disk - found)}"
        # of images alone, two checkpoints, what can hide patches, large sets, people; slow at 128 px, or soon made
        once = place in ("pictures", "comparisons", "masks", "suggestions", "indices", "relations", "ids", "judged")
        assert on_disk or once or place in ("latent_priors", "surprisal"), f"{name} ships no {place}"
    for score in set(SCORES) - {"human", "stability"}:
        assert open_study(path).score(score) is not None, f"the first look at {score} would wait"


def test_digits_that_are_drawn_are_read_as_what_was_asked_for():
    """The shipped judgement with guidance 2, by a probe that learned from real codes."""
    study = open_study(SHIPPED / "vqvae-digits")
    found = study.result("judged", {"prior": "vqvae-digits-prior", "guidance": 2.0})
    assert found["probe"]["sets"]["samples"]["right"]["low"] > 0.8
    assert found["probe"]["sets"]["samples"]["right"]["n"] >= 300
