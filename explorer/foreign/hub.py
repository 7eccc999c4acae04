"""Checkpoints by their name on the Hugging Face Hub: the files that are needed, and no others.

A name is `org/name`, `org/name/subfolder` or `org/name/file.ckpt`, with `@revision` at its end for another branch, tag
or commit. The files lie in the Hub library's own cache, and a note of where in ours, so that they are found again
without a network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from explorer import hub
from explorer.errors import BadInput
from explorer.files import cache_folder, digest, read_json, write_json
from explorer.foreign.autoencoders import PARTS
from explorer.foreign.keras2 import MARK, METADATA
from explorer.foreign.kinds import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from explorer.progress import Progress

NAME = re.compile(
    r"(?P<repo>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:/(?P<inside>[\w./-]{1,200}))?(?:@(?P<revision>[\w./-]+))?"
)
CONFIGS = ("config.json", "preprocessor_config.json", "model_index.json", "model_config.json")
WEIGHTS = ("diffusion_pytorch_model", "model", "pytorch_model")  # stems of weights beside a config


@dataclass(frozen=True)
class Name:
    """A name on the Hub, in its parts."""

    repo: str
    inside: str
    revision: str | None


def parse(text: str) -> Name | None:
    """The parts of a name; None of what is no name on the Hub."""
    match = NAME.fullmatch(text)
    if match is None or ".." in text or Path(text).exists():
        return None
    return Name(match["repo"], (match["inside"] or "").strip("/"), match["revision"])


def note(text: str) -> Path:
    """The file that says where a name has been downloaded to."""
    return cache_folder() / "hub" / f"{digest('hub', text)}.json"


def locate(text: str) -> Path | None:
    """Where a name has been downloaded to; None if it is not on this machine."""
    try:
        place = Path(read_json(note(text))["path"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return place if place.exists() else None


def download(text: str, progress: Progress | None = None) -> tuple[Path, int]:
    """Fetches what a name needs; returns its folder or file, and how many bytes it has.

    Raises:
        BadInput: no such name, no access, no network, or nothing there that can be opened, in one sentence.
        Cancelled: through `progress`, between two files.
    """
    name = parse(text)
    if name is None:
        raise BadInput(f"{text!r} is no name on the Hub; write org/name, org/name/subfolder or org/name/file.ckpt")
    sizes = hub.ask(text, lambda: _listing(hub.api(), name))
    wanted = needed(sizes, name)
    total, done, place = sum(sizes[file] for file in wanted), 0, None
    if progress is not None:
        progress.total, progress.unit = total, "bytes"
    for file in wanted:
        if progress is not None:
            progress.update(done, f"downloading {PurePosixPath(file).name}, {sizes[file] / 1e6:,.1f} MB", force=True)
        place = hub.download(text, name.repo, file, revision=name.revision)
        done += sizes[file]
    depth = len(PurePosixPath(wanted[-1]).parts) - len(PurePosixPath(name.inside).parts)
    where = place
    for _ in range(depth):
        where = where.parent
    write_json(note(text), {"name": text, "path": str(where)})
    return where, total


def needed(sizes: Mapping[str, int], name: Name) -> list[str]:
    """The files to fetch of those that are there.

    Raises:
        BadInput: nothing that can be opened, or several files, which are named.
    """
    if name.inside in sizes:  # with the config that it may need to be understood
        beside = [str(PurePosixPath(name.inside).with_name(config)) for config in CONFIGS]
        return [*(file for file in beside if file in sizes), name.inside]
    root = f"{name.inside}/" if name.inside else ""
    if f"{root}model_index.json" in sizes:
        for part in PARTS:
            if f"{root}{part}/config.json" in sizes:
                return [f"{root}model_index.json", *_folder(sizes, f"{root}{part}/")]
    if found := _folder(sizes, root) or _saved_model(sizes, root):
        return found
    single = [file for file in sizes if file.startswith(root) and file.lower().endswith(ENDINGS)]
    if len(single) == 1:
        return single
    if single:
        listed = ", ".join(f"{name.repo}/{file}" for file in single[:5])
        raise BadInput(f"{name.repo} has several files with weights; choose one of {listed}")
    raise BadInput(f"{name.repo} has nothing{f' in {name.inside}' if name.inside else ''} that can be opened here")


def _folder(sizes: Mapping[str, int], root: str) -> list[str]:
    """Config and weights of one folder, safetensors first; nothing if one of the two is not there."""
    here = {file.removeprefix(root) for file in sizes if file.startswith(root)}
    configs = [file for file in CONFIGS if file in here]
    if not configs:
        return []
    for stem in WEIGHTS:
        for suffix in (".safetensors", ".bin", ".pt"):
            if f"{stem}{suffix}" in here:
                return [root + file for file in (*configs, f"{stem}{suffix}")]
            part = re.compile(rf"{stem}-\d+-of-\d+{re.escape(suffix)}")
            index = f"{stem}{suffix}.index.json"
            if index in here:
                return [root + file for file in (*configs, index, *sorted(filter(part.fullmatch, here)))]
    found = _variant(here)
    return [root + file for file in (*configs, *found)] if found else []


def _variant(here: set[str]) -> list[str]:
    """Weights of half precision, for where there are no others."""
    for stem in WEIGHTS:
        for suffix in (".safetensors", ".bin"):
            for variant in ("fp16", "bf16"):
                part = re.compile(rf"{stem}\.{variant}(-\d+-of-\d+)?{re.escape(suffix)}(\.index\.json)?")
                index = re.compile(rf"{stem}{re.escape(suffix)}\.index\.{variant}\.json")
                if found := sorted(file for file in here if part.fullmatch(file) or index.fullmatch(file)):
                    return found
    return []


def _saved_model(sizes: Mapping[str, int], root: str) -> list[str]:
    """What is read of a SavedModel folder; nothing if there is none. The file in the folder itself stands last."""
    mark = f"{root}{MARK}"
    if mark not in sizes:
        return []
    told = [f"{root}{METADATA}"] if f"{root}{METADATA}" in sizes else []
    return [*sorted(file for file in sizes if file.startswith(f"{root}variables/")), *told, mark]


def _listing(api: Any, name: Name) -> dict[str, int]:
    found = api.model_info(name.repo, revision=name.revision, files_metadata=True, timeout=20)
    return {one.rfilename: int(one.size or 0) for one in found.siblings or ()}
