"""What can be done with groups: let them stand for codes on every page, take them home, bring others in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from explorer.glossary import help_of
from explorer.sheets import Act, Block, Download, Go, Heading, Link, Note, Receive, Row
from explorer.study import grouped
from explorer.views import words

if TYPE_CHECKING:
    from explorer.study import Study
    from explorer.study.grouped import Grouping

ENDINGS = ["csv", "tsv", "parquet"]
STAND_IN = (
    "The checkpoint is opened once more, with groups where codes were: code maps, concept scores, similar images and "
    "all other pages are then of groups. There is no decoder for groups, so nothing is painted or decoded."
)


def blocks(study: Study, grouping: Grouping) -> list[Block]:
    """Groups in place of codes, and tables out and in."""
    layer = grouping.layer
    name = f"{study.checkpoint.name}-{layer}-groups"
    stand_in = Act(
        "stand-in", "Use these groups in place of codes", "swap_horiz", partial(_stand_in, study, grouping), STAND_IN
    )
    take = Download(
        "Groups and names (CSV)", f"{name}.csv", partial(_csv, grouping),
        "A row for each code: layer, code, group, name. Change it in a spreadsheet and bring it in again.",
    )  # fmt: skip
    receive = Receive(
        f"groups-{layer}", "Your own groups or names (CSV)", ENDINGS, partial(_take, study, layer),
        "A header and a row for each code: code, group and, if you like, name; any groups will do.",
    )  # fmt: skip
    found: list[Block] = [
        Heading("Use the groups", help_of("groups in place of codes")),
        Row([[stand_in], [take]], even=False),
    ]
    found.append(receive)
    if grouping.tree is None:
        found.append(Act(
            "forget-groups", "Remove these groups", "delete", partial(_forget, study, layer, grouping.own),
            asks="Remove them from the list? Their names stay, and the file is not touched.",
        ))  # fmt: skip
    return found


def back(study: Study) -> list[Block]:
    """The way back to the codes that groups stand in for; nothing elsewhere."""
    of = grouped.origin(study)
    if of is None:
        return []
    return [
        Note("What is called a code here is a group of codes.", "info"),
        Link(f"Back to the codes of {of['name']}", "undo", Go("groups", _same_images(study, of["checkpoint"]))),
    ]


def _same_images(study: Study, checkpoint: str) -> dict[str, object]:
    subject = study.subject
    carried = {"checkpoint": checkpoint, "dataset": subject.dataset, "split": subject.split, "fit": subject.fit}
    return carried | ({} if subject.limit is None else {"limit": subject.limit})


def _csv(grouping: Grouping) -> str:
    from explorer.notebook import group_files

    return group_files.written(grouping.layer, grouping.groups, grouping.names)


def _stand_in(study: Study, grouping: Grouping) -> Go:
    path = grouped.in_place_of_codes(study, grouping)
    return Go("code_maps", {**_same_images(study, str(path)), "layer": grouping.layer})


def _take(study: Study, layer: str, file: str, content: bytes) -> Go | str:
    kept, notes = grouped.take(study, layer, file, content)
    if notes:
        return f"{words.many(len(kept.groups), 'group')} from {file}, choose them above; {notes[0]}."
    return Go(carried={"own": kept.key})


def _forget(study: Study, layer: str, key: str) -> Go:
    grouped.forget(study, layer, key)
    return Go(carried={"own": "found"})
