"""Datasets by their name on the Hugging Face Hub: the Parquet files of the split that is opened, and no others.

A name is `org/name`, or `org/name@config` where a dataset has several configurations. Its files are those of the
branch that the Hub converts every dataset to, else the Parquet files of the dataset itself. They lie in the Hub
library's own cache, and a note of what there is in ours, so that what was opened once opens without a network.
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from explorer import fence, hub
from explorer.datasets.parquet import parquet_source
from explorer.datasets.sources import SPLITS, Listing, Source
from explorer.datasets.tabular import split_of
from explorer.errors import BadInput
from explorer.files import cache_folder, digest, read_json, sized, write_json
from explorer.progress import Progress

NAME = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@(?P<config>[\w.+-]{1,100}))?")
CONVERTED = "refs/convert/parquet"
NATIVE = 64  # side in pixels: nothing is downloaded to see that of the pictures
PATIENCE = 60  # seconds for which a failure is not asked for again
RESERVE = 256 * 1024**2  # bytes left free on the disk
_failed: dict[str, tuple[float, str]] = {}


@dataclass(frozen=True)
class Files:
    """Parquet files of one configuration, {path: bytes} of each split, at one commit."""

    repo: str
    commit: str
    splits: dict[str, dict[str, int]]
    notes: tuple[str, ...]


def hub_source(text: str) -> Source | None:
    """The dataset of a name; None of what is no name. Raises BadInput in one sentence, also without a network."""
    match = NAME.fullmatch(text)
    if match is None or ".." in text:
        return None
    files = _files(text, match["repo"], match["config"] or "")
    divided = "train" in files.splits and ("test" in files.splits or "validation" in files.splits)
    content = digest("hub", files.repo, files.commit, files.splits)

    def listing(split: str, progress: Progress | None) -> Listing:
        wanted = (
            files.splits[split]
            if divided
            else {name: size for one in files.splits.values() for name, size in one.items()}
        )
        root = _download(text, files, wanted, split, progress)
        listed = parquet_source(root, list(wanted), text).listing("all" if divided else split, progress)
        return Listing(listed.names, listed.concepts, listed.items, listed.skipped, (*files.notes, *listed.notes))

    def key(split: str) -> list:
        return [content, split] if divided or split == "all" else [content, split, "by content"]

    return Source(
        f"{text} on the Hub", NATIVE, tuple(files.splits) if divided else ("train", "test", "all"), key, listing
    )


def _files(text: str, repo: str, config: str) -> Files:
    """What there is, from the note of an earlier look, else from the Hub."""
    place = cache_folder() / "hub" / f"{digest('datasets', repo)}.json"
    try:
        found = read_json(place)
        return _chosen(
            text, repo, config, found["commit"], {str(name): int(size) for name, size in found["files"].items()}
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadInput):
            raise
    when, why = _failed.get(text, (0.0, ""))
    if time.monotonic() - when < PATIENCE and why:
        raise BadInput(why)
    try:
        commit, sizes = _asked(text, repo)
    except BadInput as problem:
        why = f"there is no folder '{text}', and as a name on the Hugging Face Hub, {problem}"
        _failed[text] = (time.monotonic(), why)
        raise BadInput(why) from None
    files = _chosen(text, repo, config, commit, sizes)
    write_json(place, {"name": repo, "commit": commit, "files": sizes})
    return files


def _asked(text: str, repo: str) -> tuple[str, dict[str, int]]:
    """The commit and the Parquet files of the converted branch, else of the dataset."""
    from huggingface_hub import errors

    def facts() -> tuple[str, dict[str, int]]:
        for revision in (CONVERTED, None):
            try:
                found = hub.api().dataset_info(repo, revision=revision, files_metadata=True, timeout=10)
            except errors.RevisionNotFoundError:
                continue
            sizes = {one.rfilename: int(one.size or 0) for one in found.siblings or ()}
            sizes = {name: size for name, size in sizes.items() if name.endswith(".parquet") and ".." not in name}
            if sizes:
                return str(found.sha), sizes
        raise BadInput(
            f"{text} has no Parquet files there; load it with datasets, `save_to_disk` it and give the folder"
        )

    return hub.ask(text, facts)


def _chosen(text: str, repo: str, config: str, commit: str, sizes: dict[str, int]) -> Files:
    """The files of one configuration by split; BadInput names the configurations where one has to be chosen."""
    converted = all(len(PurePosixPath(name).parts) == 3 for name in sizes)  # config/split/0000.parquet
    configs = sorted({PurePosixPath(name).parts[0] for name in sizes}) if converted else []
    chosen = config or (configs[0] if len(configs) == 1 else "default" if "default" in configs else "")
    if configs and chosen not in configs:
        listed = ", ".join(f"{repo}@{one}" for one in configs[:12]) + (" …" if len(configs) > 12 else "")
        raise BadInput(
            f"{text}: {'it has no such configuration' if config else 'it has several'}; choose from {listed}"
        )
    if config and not configs:
        raise BadInput(f"{text}: it has no configurations; give {repo}")
    splits: dict[str, dict[str, int]] = {}
    notes = []
    for name, size in sorted(sizes.items()):
        parts = PurePosixPath(name).parts
        if configs and parts[0] != chosen:
            continue
        split = parts[1] if configs else ""
        if split.startswith("partial-"):
            split = split.removeprefix("partial-")
            notes.append(f"the Hub has converted only a part of the split {split} of {repo}")
        splits.setdefault(SPLITS.get(split.lower()) or split_of(name), {})[name] = size
    if "train" in splits and len(splits) > 1 and "" in splits:
        left = ", ".join(sorted({PurePosixPath(name).parts[-2] for name in splits.pop("")}))
        notes.append(f"of {repo} what is neither for training nor for testing is left out: {left}")
    return Files(repo, commit, splits, tuple(dict.fromkeys(notes)))


def _download(text: str, files: Files, wanted: dict[str, int], split: str, progress: Progress | None) -> Path:
    """Fetches what is not there yet; returns the folder that the paths start from."""
    from huggingface_hub import constants

    total, done, root = sum(wanted.values()), 0, Path()
    place = Path(constants.HF_HUB_CACHE)
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    held = place / f"datasets--{files.repo.replace('/', '--')}" / "snapshots" / files.commit
    missing = sum(size for name, size in wanted.items() if not (held / name).exists())
    if missing + RESERVE > free:
        raise BadInput(
            f"{text}: its split {split} has {len(wanted):,} files of {sized(total)}, and '{there}' has room for "
            f"{sized(free)}; set HF_HUB_CACHE to a larger disk"
        )
    for number, (name, size) in enumerate(wanted.items()):
        came = [done]

        def told(more: int, came: list[int] = came, number: int = number) -> None:
            came[0] += more
            fence.beat()
            if progress is not None:
                of = f"{came[0] / 1e6:,.1f} of {total / 1e6:,.1f} MB, file {number + 1:,} of {len(wanted):,}"
                progress.update(0, f"downloading {text}: {of}")

        told(0)
        root = hub.download(text, files.repo, name, revision=files.commit, kind="dataset", told=told)
        for _ in PurePosixPath(name).parts:
            root = root.parent
        done += size
    return root
