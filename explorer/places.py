"""Encodings in object storage (`s3://bucket/prefix/NAME.lance`), each with a folder here that stands for it.

The stand-in has the small files: marker, journal, records, codebooks, offsets of the index. They are read here and
written to both sides, there last. Rows and tokens are there alone; Lance and a reader of ranges take what is asked for.
The bucket decides: what is there is fetched before a stand-in is asked, so that another machine goes on with it.

Credentials, region and endpoint are those of the AWS variables (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, …).
"""

from __future__ import annotations

import functools
import io
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput, Unanswered, tells_full_disk
from explorer.files import atomic_path, cache_folder, digest, read_json, sized, write_bytes, write_json

if TYPE_CHECKING:
    import lance
    import numpy as np

VARIABLE = "EXPLORER_ENCODINGS"  # where encodings are kept in place of the cache
STORE = "store.json"  # in the folder of stand-ins: the prefix that they are of
LARGEST, MARKER_BYTES = 2 * 1024**3, 16 * 1024 * 1024  # of a file that is fetched whole, and of the marker
PATIENCE, CONNECT, TRIES = 10, 3, 2  # seconds for an answer, and to be connected; attempts
REASONS = {  # what storage says, and what it means
    "no_such_bucket|nosuchbucket|bucket.{0,20}not exist": "there is no such bucket",
    "access_denied|accessdenied|forbidden|invalid_?access_?key|signature|http status 403|credentials": (
        "access is denied; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
    ),
    "permanent_?redirect|http status 301": "its bucket is in another region; set AWS_REGION",
    "network_connection|connect|error sending request|timed? ?out|resolve|dns": (
        "it does not answer; check AWS_ENDPOINT_URL and the network"
    ),
}


def home(folder: str) -> Path:
    """Where results of the cache's `folder` are kept: encodings where `EXPLORER_ENCODINGS` says, which may be `s3://…`."""
    chosen = os.environ.get(VARIABLE, "").rstrip("/") if folder == "encodings" else ""
    if not chosen:
        return cache_folder() / folder
    prefix = _address(chosen)
    return Path(chosen) if prefix is None else _stand_ins(prefix)


def local(path: Path | str) -> Path:
    """The folder that stands for `s3://bucket/prefix/NAME.lance`; any other path as it is.

    Raises:
        BadInput: another kind of address, or of file.
    """
    address = _address(path)
    if address is None:
        return Path(path)
    prefix, _, name = address.rpartition("/")
    if not name.endswith(".lance") or name == ".lance":
        raise BadInput(f"{address} is no place for an encoding; choose a name such as {address}/NAME.lance")
    return _stand_ins(prefix) / name


def _address(path: Path | str) -> str | None:
    """What is named in object storage, of which pathlib makes one slash of two; None of a path."""
    found = re.fullmatch(r"s3:/{1,2}([^/]+(?:/[^/]+)*)/*", str(path))
    if found is None and re.match(r"[a-z][a-z0-9+.-]+:/", str(path)):
        raise BadInput(f"{path} cannot be opened; object storage is named as s3://bucket/name")
    return None if found is None else f"s3://{found[1]}"


def _stand_ins(prefix: str) -> Path:
    """The folder of what stands for encodings with this prefix."""
    folder = cache_folder() / "stores" / digest(prefix)
    if not (folder / STORE).is_file():
        write_json(folder / STORE, {"prefix": prefix})
    return folder


def remote(folder: Path) -> Remote | None:
    """What a folder stands for; None of an ordinary one."""
    folder = Path(folder)
    if folder.parent.parent != cache_folder() / "stores":
        return None
    try:
        prefix = str(read_json(folder.parent / STORE)["prefix"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Remote(f"{prefix}/{folder.name}", folder)


def there(path: Path) -> bool:
    """Whether something may be at a path, here or in object storage; who reads it is told."""
    return path.exists() or remote(path) is not None


def shown(folder: Path) -> str:
    """How to call a place: its address, or its path."""
    there = remote(folder)
    return str(folder) if there is None else there.uri


def current(folder: Path, marker: str) -> Path:
    """The same folder; one that stands for object storage has its `marker` only where that is complete there."""
    there = remote(folder)
    if there is not None:
        there.refresh(marker)
    return folder


def dataset(folder: Path) -> lance.LanceDataset:
    """The rows of an encoding; raises OSError or ValueError where they cannot be read."""
    import lance

    there = remote(folder)
    if there is None:
        return lance.dataset(str(folder))
    with there.explained():
        return lance.dataset(there.uri, storage_options=there.options)


class Remote:
    """One encoding in object storage.

    Attributes:
        uri: its address. folder: what stands for it. options: what Lance is to be told besides the environment.
    """

    def __init__(self, uri: str, folder: Path) -> None:
        self.uri, self.folder = uri, folder
        self._path = uri.removeprefix("s3://")
        self._looked = 0.0

    @property
    def options(self) -> dict[str, str]:
        given = {"client_max_retries": str(TRIES), "connect_timeout": f"{CONNECT}s"}
        given |= {"timeout": f"{3 * PATIENCE}s", "client_retry_timeout": str(3 * PATIENCE), "download_retry_count": "1"}
        endpoint = _endpoint()
        if endpoint is not None:
            given |= {"aws_endpoint": endpoint} | ({"allow_http": "true"} if endpoint.startswith("http:") else {})
        return given

    def sizes(self, part: str = "") -> dict[str, int]:
        """{name: bytes} of what is there, below `part` of it."""
        from pyarrow import fs

        place = f"{self._path}/{part}".rstrip("/")
        with self.explained():
            files = _system().get_file_info(fs.FileSelector(place, allow_not_found=True, recursive=True))
        named = ((one.path.removeprefix(f"{self._path}/"), one) for one in files if one.type == fs.FileType.File)
        return {name: one.size for name, one in named if ".." not in name.split("/") and not name.startswith("/")}

    def size(self, name: str) -> int:
        """Bytes of a file there."""
        with self.explained():
            return _system().get_file_info(f"{self._path}/{name}").size

    def push(self, *names: str, move: bool = False) -> None:
        """Sends files of the stand-in; `move` removes them here."""
        for name in names:
            there = f"{self._path}/{name}"
            with (
                self.explained(),
                (self.folder / name).open("rb") as file,
                _system().open_output_stream(there) as stream,
            ):
                shutil.copyfileobj(file, stream, 8 * 1024 * 1024)
            if move:
                (self.folder / name).unlink()

    def pull(self, names: Iterable[str]) -> None:
        """Fetches small files into the stand-in."""
        for name in names:
            try:
                with self.explained(), _system().open_input_file(f"{self._path}/{name}") as file:
                    if file.size() > LARGEST:
                        raise BadInput(f"{name} of {self.uri} is larger than {sized(LARGEST)}, so it is none of ours")
                    with atomic_path(self.folder / name) as temporary, temporary.open("wb") as copy:
                        shutil.copyfileobj(file, copy, 8 * 1024 * 1024)
            except FileNotFoundError:
                continue  # another machine has finished meanwhile

    def remove(self, *names: str) -> None:
        """Removes files there; one that is gone already is none to remove."""
        for name in names:
            with self.explained():
                try:
                    _system().delete_file(f"{self._path}/{name}")
                except FileNotFoundError:
                    continue

    def refresh(self, marker: str) -> None:
        """Fetches marker, codebooks and offsets of a complete encoding, and forgets what is no longer there."""
        there = self.sizes()
        if marker not in there:
            (self.folder / marker).unlink(missing_ok=True)
            return
        fresh = self._fetched(marker)
        try:
            whole = all(there.get(name) == size for name, size in fresh["files"].items())
        except (TypeError, KeyError, AttributeError):
            whole = False
        if not whole:
            (self.folder / marker).unlink(missing_ok=True)
            return
        if _read(self.folder / marker) != fresh:
            (self.folder / marker).unlink(missing_ok=True)
            self.pull([name for name in there if name.endswith((".safetensors", ".offsets.npy"))])
            write_json(self.folder / marker, fresh)

    def join(self, records: str, *others: str) -> None:
        """Makes the records of an unfinished encoding, and some other files, here what they are there."""
        there = self.sizes()
        kept = {name for name in there if name in others or _record(name, records)}
        for path in [*(self.folder / records).glob("*.json"), *(self.folder / name for name in others)]:
            if path.is_file() and path.relative_to(self.folder).as_posix() not in kept:
                path.unlink()
        self.pull(kept)
        self._looked = time.monotonic()

    def catch_up(self, records: str, marker: str, every: float = 5.0) -> None:
        """Fetches what other machines wrote meanwhile, not more often than each `every` seconds."""
        if time.monotonic() - self._looked < every:
            return
        self._looked = time.monotonic()
        there = self.sizes()
        if marker in there:
            self.refresh(marker)
        self.pull(name for name in there if _record(name, records) and not (self.folder / name).exists())

    def tokens(self, name: str) -> Ranged | None:
        """An array there, of which parts are read; None where it is missing or none."""
        try:
            with self.explained():
                return Ranged(self, f"{self._path}/{name}")
        except FileNotFoundError:
            return None

    def _fetched(self, name: str) -> Any:
        held = f".{name}"
        with self.explained(), _system().open_input_file(f"{self._path}/{name}") as file:
            write_bytes(self.folder / held, file.read(MARKER_BYTES))
        found = _read(self.folder / held)
        (self.folder / held).unlink()
        return found

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What storage says, as one sentence."""
        try:
            yield
        except (FileNotFoundError, BadInput):
            raise
        except (OSError, ValueError, RuntimeError) as error:  # Lance raises all of them
            raise self.refused(error) from None

    def refused(self, error: Exception) -> Unanswered:
        """What storage said, as one sentence."""
        return Unanswered(f"{self.uri} cannot be used: {reason(error)}")


class Ranged:
    """A one-dimensional NumPy array in object storage: `array[start:stop]` reads that part."""

    def __init__(self, place: Remote, path: str) -> None:
        import numpy as np

        self._place, self._file = place, _system().open_input_file(path)
        head = io.BytesIO(self._file.read_at(min(1024, self._file.size()), 0))
        version = np.lib.format.read_magic(head)
        if version != (1, 0):
            raise ValueError(f"{path} is no array of version 1.0")
        self.shape, _, self.dtype = np.lib.format.read_array_header_1_0(head)
        self._first = head.tell()
        if len(self.shape) != 1 or self._file.size() != self._first + self.shape[0] * self.dtype.itemsize:
            raise ValueError(f"{path} is cut off")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, step = part.indices(len(self))
        if step != 1:
            raise IndexError("only neighbours are read")
        size = self.dtype.itemsize
        with self._place.explained():
            data = self._file.read_at(max(stop - start, 0) * size, self._first + start * size)
        import numpy as np

        return np.frombuffer(data, self.dtype)


def reason(error: Exception) -> str:
    """What an error of object storage means, in a few words."""
    text = str(error)
    if isinstance(error, OSError) and tells_full_disk(text):
        return "there is no room left"
    for pattern, meaning in REASONS.items():
        if re.search(pattern, text, re.IGNORECASE):
            return meaning
    return text.splitlines()[0][:160] if text else type(error).__name__


def _read(path: Path) -> Any:
    """JSON of a file; None where it is missing or damaged."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return None


def _record(name: str, records: str) -> bool:
    return name.startswith(f"{records}/") and name.removeprefix(f"{records}/") != "claims"


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT")


def _system() -> Any:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return _opened(_endpoint(), region)


@functools.lru_cache(maxsize=4)
def _opened(endpoint: str | None, region: str) -> Any:
    from pyarrow import fs

    if endpoint is not None:  # others than Amazon's own know no checksums behind a body
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    scheme, _, host = (endpoint or "https://").partition("://")
    return fs.S3FileSystem(
        endpoint_override=host or None,
        scheme=scheme,
        region=region,
        connect_timeout=CONNECT,
        request_timeout=PATIENCE,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=TRIES),
    )
