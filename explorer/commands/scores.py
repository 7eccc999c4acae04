"""The command `scores`: every score of concepts, one after the other; what is kept is not made again."""

from __future__ import annotations

from typing import Annotated

import typer

from explorer.commands.command import Json, cancellable, command, emit, noted
from explorer.commands.results import SUBJECT, CheckpointName
from explorer.progress import Progress
from explorer.results import everything
from explorer.results.scores import SCORES, Options
from explorer.results.scores.asked import listed
from explorer.results.subject import Subject

Names = Annotated[list[str] | None, typer.Option(metavar="NAME", help="May be given several times. [all]")]
ASKED = ("concepts", "ceiling", "others")  # options of scores that are no lists of names


class Steps(Progress):
    """Progress in scores, whatever one of them counts; the page draws each when it is done."""

    step = 0

    def update(self, done: int, message: str = "", **more) -> None:
        self.total = len(SCORES)
        if more.get("state") == "done":
            self.step = self.total
        super().update(self.step, message, **more)


@command((Subject, SUBJECT), (Options, ASKED))
def scores(checkpoint: CheckpointName, only: Names = None, as_json: Json = False, **options):
    """Makes all scores of what codes have to do with concepts that are not kept yet."""
    of = Subject.of(checkpoint, **{name: options[name] for name in SUBJECT})
    asked = Options(**{name: options[name] for name in ASKED})
    wanted = everything.names(split(only))
    with cancellable(Steps(len(SCORES), "scores")) as progress:
        everything.check(of, asked, progress)

        def told(done: int, name: str) -> None:
            progress.step = done
            progress.update(done, SCORES[name].title if name else "", force=True)

        found = everything.made(of, wanted, asked, progress, told)
        progress.finish()
    missing = {name: one["missing"] for name, one in found.items() if "missing" in one}
    lines = [f"{name}: {missing.get(name, 'done')}" for name in found]
    emit({"scores": list(found), "missing": missing, **noted(of.images)}, as_json, lines)


def split(names: list[str] | None) -> list[str]:
    """Names that were given one by one or with commas between."""
    return [name for given in names or () for name in listed(given)]
