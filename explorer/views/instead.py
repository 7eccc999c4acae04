"""What other quantizers do in place of the plain steps: in real numbers where the open layer has one, else a toy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Column, Heading, More, Note, Table

if TYPE_CHECKING:
    from explorer.views.vq_layer import Taken

CODES = 5  # of which angles are shown
PLAIN = "This layer is the plain one: Euclidean distance to every vector, and the nearest wins."
SCALED = " What the decoder gets is this vector times its scale; the gradient here is that of the vector."
NAMES = {
    "cosine": "Cosine: compare by angle", "fsq": "FSQ: round each number", "lfq": "LFQ: keep the signs",
    "residual": "Residual: several codes a cell", "projected": "Projected: a direction and a scale",
    "frequency": "Frequency: rare codes keep a detail",
    "rotation": "Rotation trick: turn the gradient on its way back",
}  # fmt: skip
SHORT = {  # a sentence for the card of step 3
    "cosine": "This layer compares by angle: all vectors have length one, so the nearest has the largest cosine.",
    "fsq": "Nothing is searched here: each number is rounded to a level, which is the same code. No codebook learns.",
    "lfq": "Nothing is searched here: the signs of the numbers are the code, the same one. No codebook learns.",
    "residual": "One of several codes here: each stands for what those before it have left over.",
    "projected": "Here the code gives a direction alone; a scale beside it says how far to go.",
    "frequency": "Where the code is a rare one the decoder gets what is left over, too.",
}
WHY = {
    "cosine": "All vectors are given length one, so that a vector cannot win by being long; the code is the one with "
    "the largest cosine (ViT-VQGAN, Yu et al. 2021).",
    "fsq": "Finite scalar quantization (Mentzer et al. 2023): a few numbers a cell, each bounded and rounded to a few "
    "levels. All combinations of levels are the codebook, so there is none to learn and no code dies.",
    "lfq": "Lookup-free quantization (Yu et al. 2023): the sign of each number is a bit, and the bits are the code.",
    "residual": "Each stage takes the nearest code to what the stages before have left over; the decoder gets the sum "
    "(SoundStream, Zeghidour et al. 2021).",
    "projected": "The decoder gets the encoder's vector projected on the direction of its code: scale ⟨z, e⟩ / ⟨e, e⟩ "
    "times e. The scale is one number more a cell, and no code.",
    "frequency": "A frequent code is all that the decoder gets; where the code is rare it gets the encoder's own "
    "vector: the code's vector and the detail z − e that is left over.",
    "rotation": "Step 6 in another way (Fifty et al. 2024): the gradient is not copied but turned and scaled as the "
    "code's vector is against the encoder's, so that it keeps its angle to the vector. Weights do not tell whether a "
    "network was trained like this; what stands above is the plain copy.",
}
TOY = {
    "cosine": "Toy: z = (0.9, −0.3). Of the codes a = (2, 0) and b = (0.6, −0.6), b is nearer (0.42 against 1.14), but "
    "a has the larger cosine (0.95 against 0.89): by angle a wins.",
    "fsq": "Toy: z = (0.9, −0.3) with the levels −1, −0.5, 0, 0.5, 1 each becomes (1, −0.5), one of 5 × 5 = 25 codes.",
    "lfq": "Toy: z = (0.9, −0.3) becomes (1, −1). Bits 1 and 0 are code 2 of 4.",
    "residual": "Toy: z = (0.9, −0.3). The first stage takes (1, 0) and leaves (−0.1, −0.3). The second takes (0, "
    "−0.25) and leaves (−0.1, −0.05). The decoder gets (1, −0.25).",
    "projected": "Toy: z = (0.9, −0.3) with the code e = (1, −0.5): scale 1.05 / 1.25 = 0.84, and the decoder gets "
    "(0.84, −0.42).",
    "frequency": "Toy: z = (0.9, −0.3) with the code e = (1, −0.5): where e is frequent the decoder gets (1, −0.5); "
    "where it is rare the detail (−0.1, 0.2) is added, and it gets z.",
    "rotation": "Toy: z = (2, 0), q = (0, 1), and the gradient (0, 1) at q. The copy gives z the gradient (0, 1). "
    "Turned back by the right angle from z to q, and scaled by |q| / |z| = 0.5, it is (0.5, 0).",
}
COLUMNS = {
    "code": Column("Code"), "cosine": Column("Cosine", "Of the angle between the encoder's vector and the code's."),
    "angle": Column("Angle (°)", "", "%.2f"), "distance": Column("Distance", help_of("distance to a code"), "%.4g"),
    "number": Column("Number", "Which number of the vector."),
    "bounded": Column("Bounded value", "What the encoder gave, bounded to the range of the levels.", "%.4f"),
    "value": Column("Value", "What the encoder gave.", "%.4f"),
    "rounded": Column("Rounded to", "The level nearest to it.", "%.4f"),
    "level": Column("Level", "Which level that is, from 0."), "levels": Column("Of levels"),
    "sign": Column("Sign"), "bit": Column("Bit"),
    "layer": Column("Layer"), "before": Column("Before", "Length of what was left to quantize.", "%.4g"),
    "after": Column("Left over", "Length of what this code leaves.", "%.4g"),
    "what": Column("What"), "amount": Column("Number", "", "%.4g"),
}  # fmt: skip


def blocks(taken: Taken) -> list[Block]:
    """What this layer does first, then the others."""
    kind = taken.bottleneck.kind
    found: list[Block] = [Heading("What other quantizers do instead", help_of("quantizers"))]
    if kind == "plain" and taken.own:
        found.append(Note(PLAIN))
    elif kind != "plain":
        import pandas as pd

        frame = pd.DataFrame(rows(taken))
        found += [
            Heading(f"This layer. {NAMES[kind]}", level=3), Note(WHY[kind]),
            Table("instead", frame, {name: COLUMNS[name] for name in frame}),
        ]  # fmt: skip
    return found + [More(NAMES[name], [Note(WHY[name]), Note(TOY[name])]) for name in NAMES if name != kind]


def rows(taken: Taken) -> list[dict[str, Any]]:
    """The real numbers of what this layer does besides, a row each; empty for a plain one."""
    made = {"cosine": _angles, "fsq": _levels, "lfq": _signs, "residual": _stages, "projected": _projected,
            "frequency": _detail}.get(taken.bottleneck.kind)  # fmt: skip
    return made(taken) if made else []


def _angles(taken: Taken) -> list[dict[str, Any]]:
    codes, z = taken.call.order[:CODES], taken.vector.astype(np.float64)
    found = []
    for code in codes.tolist():
        e = taken.vectors[code].astype(np.float64)
        cosine = float(np.clip(z @ e / max(np.linalg.norm(z) * np.linalg.norm(e), 1e-12), -1, 1))
        angle = float(np.degrees(np.arccos(cosine)))
        found.append({"code": code, "cosine": cosine, "angle": angle, "distance": float(taken.call.distances[code])})
    return found


def _levels(taken: Taken) -> list[dict[str, Any]]:
    from explorer.analysis.bottlenecks import levels

    found = []
    for at, value in enumerate(taken.vector.tolist()):
        axis, place = levels(value, taken.vectors[:, at])
        found.append(
            {"number": at, "bounded": value, "rounded": float(axis[place]), "level": place, "levels": len(axis)}
        )
    return found


def _signs(taken: Taken) -> list[dict[str, Any]]:
    return [
        {"number": at, "value": value, "sign": "+" if value > 0 else "−", "bit": int(value > 0)}
        for at, value in enumerate(taken.vector.tolist())
    ]


def _stages(taken: Taken) -> list[dict[str, Any]]:
    study, found = taken.study, []
    for name in taken.bottleneck.layers:
        left = study.look(taken.picture).latents[name][taken.cell].astype(np.float64)
        code = int(study.codes_of(taken.picture, name)[0][taken.cell])
        after = left - study.vectors(name)[code]
        found.append(
            {"layer": name, "code": code, "before": float(np.linalg.norm(left)), "after": float(np.linalg.norm(after))}
        )
    return found


def _projected(taken: Taken) -> list[dict[str, Any]]:
    from explorer.analysis.bottlenecks import projected

    z, e = taken.vector, taken.value
    _, beside = taken.bottleneck.layers
    given = float(taken.study.look(taken.picture).latents[beside][taken.cell][0])
    _, straight = projected(z, e)
    told = {
        "length of the encoder's vector z": np.linalg.norm(z), f"length of the code's vector e ({taken.call.code})":
        np.linalg.norm(e), "scale, ⟨z, e⟩ / ⟨e, e⟩": given, "left over without the scale, ‖z − e‖":
        np.linalg.norm(z - e), "left over with it": np.linalg.norm(z - given * e),
        "the least that any scale leaves": np.linalg.norm(z - straight),
    }  # fmt: skip
    return [{"what": what, "amount": float(amount)} for what, amount in told.items()]


def _detail(taken: Taken) -> list[dict[str, Any]]:
    _, beside = taken.bottleneck.layers
    detail = taken.study.look(taken.picture).latents[beside][taken.cell]
    rare = bool(np.any(detail))
    told = {
        f"length of the detail ({'code {} is rare' if rare else 'code {} is frequent'})".format(taken.call.code):
        np.linalg.norm(detail), "distance between z and e": taken.call.distances[taken.call.code],
    }  # fmt: skip
    return [{"what": what, "amount": float(amount)} for what, amount in told.items()]
