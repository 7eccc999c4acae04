"""Arrays of NumPy as pictures: `.npy` files are memory-mapped, members of `.npz` streamed out of the zip; nothing is
unpickled."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from explorer import access
from explorer.datasets.arrays import array_source
from explorer.datasets.members import MAX_MEMBERS, Array, header, mapped, npz_arrays, size_of
from explorer.datasets.sources import Source
from explorer.errors import BadInput


def npy_source(path: Path) -> Source:
    """Pictures of an `.npy` file, or of the `.npy` files of a folder. Raises BadInput."""
    files = [one for one in sorted(path.glob("*.npy")) if access.within(one)] if path.is_dir() else [path]
    if not 0 < len(files) <= MAX_MEMBERS:
        many = f"{len(files):,} .npy files" if files else "no .npy file itself, only in folders inside"
        raise BadInput(f"'{path}' has {many}; save their pictures as one array (N, height, width, 3)")
    arrays, left_out = [], []
    for file in files:
        with file.open("rb") as opened:
            found = header(file.name, opened)
            start = opened.tell()
        if isinstance(found, str):
            left_out.append(found)
            continue
        shape, fortran, dtype = found
        if start + size_of(shape, dtype) > file.stat().st_size:
            raise BadInput(f"'{file.name}' is damaged: it states more numbers than it holds; copy or save it again")
        arrays.append(Array(file.stem, shape, dtype, partial(mapped, file, start, shape, dtype, fortran)))
    if left_out and not arrays:
        raise BadInput(left_out[0])
    return array_source(path, arrays, left_out)


def npz_source(path: Path) -> Source:
    """Pictures of an `.npz` file. Raises BadInput on anything suspicious."""
    arrays, left_out = npz_arrays(path)
    if left_out and not arrays:
        raise BadInput(f"'{path.name}': {left_out[0]}")
    return array_source(path, arrays, left_out)
