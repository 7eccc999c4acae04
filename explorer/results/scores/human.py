"""What people found in intruder tests, beside random codes and two machines.

What `make` gives:
```
layers: [{layer, tests (that are done), begun, chance
  code, random, machine, pixels: {found, n (trials), share, low, high}}]     95 % Wilson intervals
refused: {layer: sentence}
missing: a sentence, where nobody has done a test
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.notebook import answers

if TYPE_CHECKING:
    from explorer.results.scores.material import Material
    from explorer.results.subject import Subject

NOBODY = "nobody has done an intruder test of this checkpoint on these images yet; the page Intruder test has it"


def beside(subject: Subject, options: Any) -> str | None:
    """All answers that there are: other answers are another score."""
    return answers.version(subject.fingerprint, subject.images.fingerprint)


def make(material: Material) -> dict[str, Any]:
    """All tests of each layer that are done, as one."""
    subject = material.subject
    tests = answers.find(subject.fingerprint, subject.images.fingerprint)
    told = {layer.name: answers.together(tests, layer.name) for layer in material.layers}
    found = [one for one in told.values() if one is not None]
    if not found:
        return {"missing": NOBODY}
    return {"layers": found, "refused": {name: "nobody has done a test" for name, one in told.items() if one is None}}
