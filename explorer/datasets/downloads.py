"""torchvision's datasets by name: found under EXPLORER_DATA or in the cache, else downloaded into the cache."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from explorer.datasets.sources import Item, Listing, Source, concept_table
from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder
from explorer.progress import Progress

TIMEOUT = 20  # seconds without an answer or a byte


@dataclass(frozen=True)
class Remote:
    """A file to download: mirrors to try in turn, the name it is kept under, and its MD5."""

    urls: tuple[str, ...]
    name: str
    md5: str


def torchvision_source(name: str, summary: str, native: int, splits: tuple[str, ...], concept: str) -> Source:
    """`torchvision.datasets.<name>`, one label per image as `concept`; nothing is imported before it is listed."""

    def listing(split: str, progress: Progress | None) -> Listing:
        return _listing(name, split, concept, _open(name, split, progress))

    return Source(summary, native, splits, lambda split: ["torchvision", name, split], listing)


def _open(name: str, split: str, progress: Progress | None) -> Any:
    """The dataset object, from the first place that has it; raises BadInput if it cannot be had."""
    from torchvision import datasets

    kind = getattr(datasets, name)
    own = cache_folder() / "downloads" / name
    given = os.environ.get("EXPLORER_DATA")
    for root in [Path(given), own] if given else [own]:
        try:
            return _construct(kind, root, split, download=False)
        except (RuntimeError, OSError):  # torchvision's way to say that it is not there
            continue
    place = "put it, in torchvision's layout, into the folder that EXPLORER_DATA names"
    try:
        folder, files = _remotes(name, kind, split)
        for remote in files:
            download(remote, own / folder, progress)
        return _construct(kind, own, split, download=True)  # unpacks what lies there
    except ModuleNotFoundError as error:
        raise BadInput(
            f"{name} needs the package {error.name} to be downloaded: pip install {error.name}, or {place}"
        ) from None
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        why = " ".join(str(getattr(error, "reason", None) or error).split())[:160]
        raise BadInput(
            f"{name} is not on this machine and cannot be downloaded ({why}); connect to the internet, or {place}"
        ) from None


def _construct(kind: Any, root: Path, split: str, *, download: bool) -> Any:
    if kind.__name__ in ("SVHN", "STL10", "CelebA"):
        named = {"validation": "valid"}.get(split, split)
        return kind(root, split=named, download=download)
    return kind(root, train=split == "train", download=download)


def _remotes(name: str, kind: Any, split: str) -> tuple[str, list[Remote]]:
    """Folder below the root, and the files that torchvision wants to find in it before it asks the network."""
    if name in ("MNIST", "FashionMNIST"):
        files = [Remote(tuple(base + file for base in kind.mirrors), file, md5) for file, md5 in kind.resources]
        return f"{name}/raw", files
    if name == "SVHN":
        url, file, md5 = kind.split_list[split]
        return "", [Remote((url,), file, md5)]
    if name == "CelebA":
        import gdown  # noqa: F401  # Google Drive, by torchvision itself

        return "", []
    return "", [Remote((kind.url,), kind.filename, kind.tgz_md5)]


def download(remote: Remote, folder: Path, progress: Progress | None = None) -> Path:
    """Downloads a file unless it is there; raises OSError if no mirror delivers what the MD5 promises."""
    target = folder / remote.name
    if target.exists() and _md5(target) == remote.md5:
        return target
    problem: Exception = OSError("no address to download from")
    for url in remote.urls:
        try:
            with atomic_path(target) as temporary:
                _fetch(url, temporary, progress)
                if _md5(temporary) != remote.md5:
                    raise OSError(f"{url} delivered something else than expected")
            return target
        except (OSError, http.client.HTTPException) as error:
            problem = error
    raise problem


def _fetch(url: str, path: Path, progress: Progress | None) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "codebook-explorer"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response, path.open("wb") as file:
        length = int(response.headers.get("Content-Length") or 0)
        done = 0
        while block := response.read(1 << 18):
            done += file.write(block)
            if progress is not None:
                of = f" of {length / 1e6:,.1f}" if length else ""
                progress.update(0, f"downloading {url.rsplit('/', 1)[-1]}: {done / 1e6:,.1f}{of} MB")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _listing(name: str, split: str, concept: str, dataset: Any) -> Listing:
    if name == "CelebA":
        values = np.asarray(dataset.attr).astype(bool)
        header = [column for column in dataset.attr_names if column]
        concepts = pd.DataFrame({column: values[:, place] for place, column in enumerate(header)})
        pictures = Path(dataset.root) / dataset.base_folder / "img_align_celeba"
        read: Callable[[int], Item] = lambda row: pictures / dataset.filename[row]  # noqa: E731
        names = list(dataset.filename)
    else:
        labels = np.asarray(dataset.labels if hasattr(dataset, "labels") else dataset.targets).astype(np.int64)
        if concept == "digit":
            values = [str(label) for label in range(10)]
        else:
            values = [str(value) for value in dataset.classes]
        concepts = pd.DataFrame({concept: pd.Categorical.from_codes(labels, categories=values)})
        data = np.asarray(dataset.data)
        if data.ndim == 4 and data.shape[1] == 3:
            data = data.transpose(0, 2, 3, 1)  # NCHW -> NHWC
        read = lambda row: data[row]  # noqa: E731
        names = [f"{name} {split} {row}" for row in range(len(labels))]

    def items(rows: np.ndarray) -> Iterator[Item]:
        return (read(row) for row in rows.tolist())

    return Listing(names, concept_table(concepts), items)
