"""The command `groups`: which codes belong together, whether that is more than chance, and what they are tied to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.commands.command import Json, command, emit, tell
from explorer.commands.results import SUBJECT, CheckpointName, result
from explorer.errors import BadInput
from explorer.files import open_regular
from explorer.results import groups as kind
from explorer.results.subject import Subject

if TYPE_CHECKING:
    from explorer.study import Study

Names = Annotated[
    Path | None, typer.Option(help="A table with code, group and name: your own groups, in place of those found.")
]
Out = Annotated[Path | None, typer.Option(help="Where layer, code, group and name are written, as CSV.")]
AsCodes = Annotated[
    Path | None, typer.Option(help="Where groups are written in place of codes, as .npz; it opens like a checkpoint.")
]
LARGEST = 64 * 1024 * 1024  # bytes of a table


@command((Subject, SUBJECT), (kind.Options, ("layer", "by", "count")))
def groups(
    checkpoint: CheckpointName,
    names: Names = None,
    out: Out = None,
    as_codes: AsCodes = None,
    as_json: Json = False,
    **options,
):
    """Groups codes that come together, and tells whether halves of the images agree and what each group is tied to."""
    from explorer.study import Study
    from explorer.views import VIEWS, fields

    of = {name: options[name] for name in SUBJECT}
    for path, ending in ((out, ".csv"), (as_codes, ".npz")):
        if path is not None and path.suffix != ending:
            raise BadInput(
                f"{path.name} does not end in {ending}; choose a name such as {path.stem or 'groups'}{ending}"
            )
    asked = kind.Options(options["layer"], options["by"], options["count"])
    _, _, notes = result("groups", checkpoint, asked, **of) if names is None else result("encoding", checkpoint, **of)
    study = Study(Subject.of(checkpoint, **of))
    asked = kind.complete(study.subject, asked)
    wanted = {"layer": asked.layer, "by": asked.by, "count": options["count"]}
    if names is not None:
        wanted["own"] = _own(study, asked.layer, names)
    chosen, _ = fields.settled(VIEWS["groups"].options, study, wanted)
    chosen = replace(chosen, count=options["count"], group=0)  # the page offers some numbers of groups, here is any
    found = VIEWS["groups"].sheet(study, chosen).told()
    written = _written(study, chosen, out, as_codes)
    emit({**found, **written, **notes}, as_json, lines(found))


def _own(study: Study, layer: str, file: Path) -> str:
    """Keeps the groups of a file and tells their key."""
    from explorer.study import grouped

    try:
        with open_regular(file) as opened:
            content = opened.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise BadInput(f"{file.name} is larger than {LARGEST // 1024**2} MiB; it needs a row for each code alone")
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}") from None
    kept, notes = grouped.take(study, layer, file.name, content)
    for note in notes:
        tell(note)
    return kept.key


def _written(study: Study, chosen: Any, out: Path | None, as_codes: Path | None) -> dict[str, Path]:
    """Writes the files that were asked for."""
    import shutil

    from explorer.files import write_bytes
    from explorer.notebook import group_files
    from explorer.study import grouped
    from explorer.views.groups import grouping_of

    grouping, found = grouping_of(study, chosen), {}
    if out is not None:
        write_bytes(out, group_files.written(grouping.layer, grouping.groups, grouping.names).encode())
        found["out"] = out
    if as_codes is not None:
        as_codes.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(grouped.in_place_of_codes(study, grouping), as_codes)
        found["as_codes"] = as_codes
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people to read."""
    from explorer.views import words

    out = ", ".join(f"{number:,} {why}" for why, number in found["left_out"].items() if number) or "none"
    many = words.many(found["count"], "group")
    shown = [f"{many} of {found['codes']:,} codes of layer {found['layer']}; left out: {out}"]
    if (stable := found["stability"]) is not None:
        ends = f"{stable['low']:.2f} to {stable['high']:.2f}"
        said = "" if stable["there"] else ": no groups, this is noise"
        shown.append(f"halves agree {stable['ami']:.2f} ({ends}), shuffled images {stable['null']:.2f}{said}")
    for one in found["groups"]:
        name = f" “{one['name']}”" if one["name"] else ""
        tied = ""
        if one["sure"]:
            ends = f"{one['low']:.2g}, {one['high']:.2g}"
            times = f"{one['ratio']:.1f} × as common [{ends}]"
            tied = f", {one['concept']}: {one['value']} " + (
                times if one["outside"] else f"at least {one['low']:.2g} × as common"
            )
        codes = words.many(len(one["codes"]), "code")
        shown.append(f"group {one['id']}{name}: {codes}, {one['share']:.1%} of the tokens{tied}")
    for one in found["baseline"]:
        bits = one["bits_kept"]
        shown.append(
            f"{one['concept']}: codes {one['codes']:.2f}, groups {one['groups']:.2f} [{one['low']:.2f}, "
            f"{one['high']:.2f}], random groups {one['random']:.2f}; bits kept {bits['share']:.0%}, by random groups "
            f"{bits['random']:.0%}"
        )
    return shown
