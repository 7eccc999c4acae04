"""Whatever is computed once and kept by content: one key, one place to look, one way to make it, for every kind.

A kind is one line in RESULTS. `find` answers with what is there, shipped beside a checkpoint or in the cache; what is
damaged counts as not there and is made again. `obtain` makes it, one writer at a time. `command` writes the words of a
command line that does the same in a process of its own.
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import places
from explorer.errors import BadInput, Unanswered, explained
from explorer.files import SHIPPED, cache_folder, sweep
from explorer.jobs.locks import exclusive
from explorer.options import configure, flags
from explorer.progress import Progress
from explorer.results import (
    comparison,
    continuous,
    encoding,
    groups,
    ids,
    index,
    judged,
    maps,
    masks,
    measurements,
    pictures,
    relations,
    retrieval,
    scores,
    suggestions,
    surprisal,
)

if TYPE_CHECKING:
    from explorer.results.subject import Subject

__all__ = ["RESULTS", "Kind", "checked", "command", "find", "key", "obtain", "path"]


OF = ("dataset", "split", "fit", "limit")  # fields of a subject that every result is of, beside its checkpoint
DAMAGED = (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
DAMAGED += (zlib.error, zipfile.BadZipFile)  # what readers raise of files that are not as they were written
FOLDERS = (".lance", ".index")  # suffixes of results that are folders; others are files


@dataclass(frozen=True)
class Kind:
    """One kind of result.

    Attributes:
        options: frozen dataclass of what it can be asked for; its fields are flags, widgets and parts of the key.
        command: words of the command line that makes it, before the checkpoint.
        folder, suffix: where it lies below the cache and beside a checkpoint, and how its name ends.
        key: (subject, options) -> the content key, which is its name.
        make: (subject, options, path, progress[, what it needs]) -> writes it.
        read: (path, key) -> what is kept there; BadInput where that is damaged.
        about: what it tells, in a few words.
        counts: fields of the subject that change it. needs: the kind that it is made of.
        words: options that stand after the checkpoint without a flag; `prior` stands in its place.
    """

    options: type
    command: tuple[str, ...]
    folder: str
    suffix: str
    key: Callable[[Subject, Any], str]
    make: Callable[..., None]
    read: Callable[[Path, str], Any]
    about: str
    counts: tuple[str, ...] = OF
    needs: str | None = None
    words: tuple[str, ...] = ()


def _measurement(what: str, options: type, about: str) -> Kind:
    return Kind(
        options, ("measure", what), "measurements", ".json", partial(measurements.key, what),
        partial(measurements.make, what), lambda path, key: measurements.read(what, path), about,
    )  # fmt: skip


def _of_others(make: Callable[..., None]) -> Callable[..., None]:
    """A kind that asks for other results while it is made."""

    def made(subject: Subject, options: Any, path: Path, progress: Progress, found: Any) -> None:
        make(subject, options, path, progress, found, partial(obtain, progress=progress))

    return made


RESULTS: dict[str, Kind] = {
    "encoding": Kind(
        encoding.Options, ("encode",), "encodings", ".lance", encoding.key, encoding.make, encoding.read,
        "codes, latents and errors of every image", counts=(*OF, "kmeans"),
    ),
    "map": Kind(
        maps.Options, ("project",), "maps", ".parquet", maps.key, maps.make, maps.read,
        "places of images, patches or codes in two or three dimensions", counts=(*OF, "kmeans"), needs="encoding",
    ),
    "layers": _measurement("layers", measurements.Layers, "what each layer adds to a reconstruction"),
    "rates": _measurement("rates", measurements.Rates, "quality against bits, continuous layers at 1 to 8 bits"),
    "pictures": Kind(
        pictures.Options, ("pictures",), "pictures", ".parquet", pictures.key, pictures.make, pictures.read,
        "lightness, hue, edges and background of every image",
    ),
    "score": Kind(
        scores.Options, ("score",), "scores", ".json.gz", scores.key, _of_others(scores.make), scores.read,
        "what codes have to do with concepts", counts=(*OF, "kmeans"), needs="encoding",
    ),
    "latents": _measurement(
        "latents", measurements.Latents, "what units of a continuous layer do, and a mixture fitted to its latents"
    ),
    "masks": Kind(
        masks.Options, ("masks",), "masks", ".json", masks.key, masks.make, masks.read,
        "the patches of an image that are hardest and easiest to fill in",
    ),
    "comparison": Kind(
        comparison.Options, ("compare",), "comparisons", ".json", comparison.key, _of_others(comparison.make),
        comparison.read, "how alike two checkpoints are on the same images", counts=(*OF, "kmeans"), needs="encoding",
        words=("other",),
    ),
    "suggestions": Kind(
        suggestions.Options, ("suggest",), "suggestions", ".json", suggestions.key, _of_others(suggestions.make),
        suggestions.read, "swaps of codes that make an image more of a concept, or more like another",
        counts=(*OF, "kmeans"), needs="encoding",
    ),
    "index": Kind(
        index.Options, ("index",), "indices", ".index", index.key, index.make, index.read,
        "what makes similar images of a large set be found at once", counts=(*OF, "kmeans"), needs="encoding",
    ),
    "retrieval": Kind(
        retrieval.Options, ("retrieval",), "retrieval", ".json.gz", retrieval.key, _of_others(retrieval.make),
        retrieval.read, "how well each way to search finds images of the same value", counts=(*OF, "kmeans"),
        needs="encoding",
    ),
    "groups": Kind(
        groups.Options, ("groups",), "groups", ".json.gz", groups.key, groups.make, groups.read,
        "groups of codes that come together, as a tree", counts=(*OF, "kmeans"), needs="encoding",
    ),
    "ids": Kind(
        ids.Options, ("ids",), "ids", ".parquet", ids.key, ids.make, ids.read,
        "ids of images, made of codes, and what they are worth", counts=(*OF, "kmeans"), needs="encoding",
    ),
    "relations": Kind(
        relations.Options, ("relations",), "relations", ".json", relations.key, _of_others(relations.make),
        relations.read, "how well codes find what users look at, beside what other users did and pixels",
        counts=(*OF, "kmeans"), needs="encoding",
    ),
    "surprisal": Kind(
        surprisal.Options, ("prior", "surprisal"), "surprisal", ".npz", surprisal.key, _of_others(surprisal.make),
        surprisal.read,
        "bits of every cell under a prior, and whether they tell another set apart", counts=OF, needs="encoding",
        words=("prior",),
    ),
    "judged": Kind(
        judged.Options, ("prior", "judge"), "judged", ".json", judged.key, _of_others(judged.make), judged.read,
        "whether samples of a prior are copied, look like images, and show their class", counts=(*OF, "kmeans"),
        needs="encoding", words=("prior",),
    ),
    "continuous": Kind(
        continuous.Options, ("prior", "continuous"), "latent_priors", ".safetensors.gz", continuous.key,
        continuous.make, continuous.read, "priors of a latent vector, and of numbers beside codes",
    ),
    "codecs": _measurement("codecs", measurements.Codecs, "quality against bits of JPEG and WebP on the same images"),
}  # fmt: skip


def key(kind: str, subject: Subject, options: Any = None) -> str:
    """Content key of a result; equal keys are equal results."""
    return RESULTS[kind].key(subject, checked(kind, options))


def path(kind: str, subject: Subject, options: Any = None) -> Path:
    """Where `obtain` writes the result unless it is told otherwise; a page can watch for it."""
    entry = RESULTS[kind]
    return places.home(entry.folder) / f"{key(kind, subject, options)}{entry.suffix}"


def find(
    kind: str, subject: Subject, options: Any = None, read: Callable[[Path, str], Any] | None = None
) -> tuple[Path, Any] | None:
    """Where the result lies and what is kept there; None where there is none, or only a damaged one.

    `read` is another way to read it, which may leave out some.

    Raises:
        Unanswered: it was found nowhere, and object storage, where it may be, does not answer.
    """
    entry, made = RESULTS[kind], path(kind, subject, options)
    cached = cache_folder() / entry.folder / made.name
    several = [made, cached, *SHIPPED.glob(f"*/{entry.folder}/{made.name}")]  # the name says what it is of
    if subject.checkpoint is not None:
        several.insert(0, Path(subject.checkpoint) / entry.folder / made.name)
    refused: Unanswered | None = None
    for place in dict.fromkeys(several):
        if places.there(place):
            try:
                return place, _read(read or entry.read, place, made.stem)
            except Unanswered as error:
                refused = error  # it may be there: whoever made it anew would pay for it twice
            except BadInput:
                continue  # damaged: as if it were not there
    if refused is not None:
        raise refused
    return None


def _read(reader: Callable[[Path, str], Any], place: Path, key: str) -> Any:
    """What a reader makes of a file or folder, which may be a stranger's; BadInput where that is damaged in any way."""
    if place.exists() and not place.is_file() and not place.is_dir():
        raise BadInput(f"{place.name} is a pipe or a device")
    try:
        return reader(place, key)
    except BadInput:
        raise
    except DAMAGED as error:
        raise BadInput(f"{place.name} is damaged: {type(error).__name__}: {error}") from None


def obtain(
    kind: str, subject: Subject, options: Any = None, *, out: Path | None = None, progress: Progress | None = None
) -> tuple[Path, Any]:
    """The result as in `find`, made if it is not there; with `out`, written there.

    Raises:
        BadInput: what was asked for cannot be made, or `out` does not end as this kind does; one sentence.
        Cancelled: through `progress`.
    """
    options = checked(kind, options, out)
    entry = RESULTS[kind]
    progress = progress or Progress(0, "images", quiet=True)
    with explained(f"write the {kind}"):
        subject.open(progress)
        needed = () if entry.needs is None else (obtain(entry.needs, subject, progress=progress)[1],)
        name = key(kind, subject, options)
        target = path(kind, subject, options) if out is None else places.local(Path(out).expanduser())
        with exclusive(target, progress):
            if out is None:
                sweep(target.parent, target.stem)
            found = find(kind, subject, options)
            if found is not None and out is None:
                return found
            if out is None:
                _make_room(kind, target)
            if found is not None and found[0].is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found[0], target)
            else:
                entry.make(subject, options, target, progress, *needed)
            return target, entry.read(target, name)


def _make_room(kind: str, target: Path) -> None:
    """Removes what stands in a result's place in the cache and cannot be written over: a folder where a file belongs, a
    file where a folder does, or an encoding's folder that lost the files by which one is known."""
    from explorer.encodings.layout import RECORDS, is_ours

    if places.remote(target) is not None:
        return
    if target.is_dir() and not target.is_symlink():
        others = kind == "encoding" and any(one.name != RECORDS for one in target.iterdir()) and not is_ours(target)
        if others or RESULTS[kind].suffix not in FOLDERS:
            shutil.rmtree(target)
    elif RESULTS[kind].suffix in FOLDERS and not target.is_dir():
        target.unlink(missing_ok=True)


def command(kind: str, subject: Subject, options: Any = None) -> list[str]:
    """Words after `explorer` that make this result, with every option spelled out."""
    entry, options = RESULTS[kind], checked(kind, options)
    named = [field.name for field in fields(entry.options) if field.name not in entry.words]
    words = [getattr(options, name) for name in entry.words]
    first = [] if "prior" in entry.words else [str(subject.checkpoint)]  # a prior says whose codes it is over
    return [*entry.command, *first, *words, *flags(subject, entry.counts), *flags(options, named)]


def checked(kind: str, options: Any = None, out: Path | None = None) -> Any:
    """Options of the kind, its defaults for None, from a dict of some of them; `out` must end as the kind does.

    Raises:
        BadInput: names the value and the choices.
    """
    if kind not in RESULTS:
        raise BadInput(f"unknown result {kind!r}; choose from {', '.join(RESULTS)}")
    suffix, place = RESULTS[kind].suffix, Path(out or "")
    if out is not None and not place.name.endswith(suffix):
        raise BadInput(f"{place.name} does not end in {suffix}; choose a name such as {place.stem or kind}{suffix}")
    if options is None or isinstance(options, dict):
        return configure(RESULTS[kind].options, options or {})
    return options
