"""Answers that people gave in intruder tests, kept from the first trial on, so that no test is begun and forgotten."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from explorer import notebook
from explorer.analysis.concepts import intruder
from explorer.errors import BadInput
from explorer.files import digest


def find(model: str, images: str) -> dict[str, dict[str, Any]]:
    """Tests of a checkpoint on images, by their names, the oldest first.

    Each is `{layer, patches, made, trials: [{arm, codes, rows, positions, odd, machine, pixels}], answers: [0 to 5]}`;
    it is done when there are as many answers as trials.
    """
    return {name: one for name, one in notebook.read(_place(model, images)).items() if _is_test(one)}


def version(model: str, images: str) -> str | None:
    """Digest of all answers; None where nobody took a test."""
    return notebook.version(_place(model, images))


def begin(model: str, images: str, layer: str, patches: str, trials: Sequence[Mapping[str, Any]]) -> str:
    """Keeps the trials of a new test before the first is shown; returns the test's name."""
    with notebook.change(_place(model, images)) as tests:
        name = f"{len(tests) + 1}"
        made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        tests[name] = {"layer": layer, "patches": patches, "made": made, "trials": list(trials), "answers": []}
        return name


def answer(model: str, images: str, name: str, trial: int, choice: int) -> None:
    """Keeps the answer to a trial, once: who clicks twice, or goes back, changes nothing."""
    with notebook.change(_place(model, images)) as tests:
        if name not in tests:
            raise BadInput(f"there is no test '{name}' any more; begin another")
        test = tests[name]
        if trial == len(test["answers"]) < len(test["trials"]):
            tests[name] = {**test, "answers": [*test["answers"], int(choice)]}


def done(test: Mapping[str, Any]) -> bool:
    """Whether every trial was answered."""
    return len(test["answers"]) == len(test["trials"])


def found(test: Mapping[str, Any]) -> dict[str, Any]:
    """What came of a test that is done, or of several together: shares found by the person and by machines."""
    trials, given = test["trials"], test["answers"]
    arms, odd = [one["arm"] for one in trials], [one["odd"] for one in trials]
    told: dict[str, Any] = dict(intruder.score(arms, odd, given))
    for name in ("machine", "pixels"):
        told[name] = intruder.score(arms, odd, [one[name] for one in trials])["code"]
    return told | {"chance": intruder.CHANCE}


def together(tests: Mapping[str, Mapping[str, Any]], layer: str) -> dict[str, Any] | None:
    """All tests of a layer that are done as one; None where none is."""
    ready = [one for one in tests.values() if one["layer"] == layer and done(one)]
    begun = sum(one["layer"] == layer for one in tests.values())
    if not ready:
        return None
    joined = {name: [entry for one in ready for entry in one[name]] for name in ("trials", "answers")}
    return {"layer": layer, "tests": len(ready), "begun": begun, **found(joined)}


def _is_test(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("trials"), list) and isinstance(one.get("answers"), list)


def _place(model: str, images: str) -> Any:
    return notebook.place("answers", digest(model, images))
