"""What a file is that no dataset can be read from, and what to convert it to."""

from __future__ import annotations

from pathlib import Path

PACK = "unpack it and give the folder"
ARRAYS = "save its arrays with numpy.savez as images and labels"
FOLDER = "save its images as PNG files, in a folder for each class"

WHAT = {  # ending -> what it is, and what to do
    ".pkl": ("a pickle, which could run any program when it is opened", ARRAYS),
    ".pickle": ("a pickle, which could run any program when it is opened", ARRAYS),
    ".joblib": ("a pickle of joblib, which could run any program when it is opened", ARRAYS),
    ".pt": ("a file of PyTorch and no dataset", ARRAYS),
    ".pth": ("a file of PyTorch and no dataset", ARRAYS),
    ".ckpt": ("a checkpoint and no dataset", "give it as the checkpoint"),
    ".safetensors": ("a file of weights and no dataset", "give it as the checkpoint"),
    ".mat": ("a file of MATLAB", f"read it with scipy.io.loadmat or h5py and {ARRAYS}"),
    ".tfrecord": ("a file of TensorFlow records", f"read it with tensorflow-datasets and {FOLDER}"),
    ".tfrecords": ("a file of TensorFlow records", f"read it with tensorflow-datasets and {FOLDER}"),
    ".record": ("a file of TensorFlow records", f"read it with tensorflow-datasets and {FOLDER}"),
    ".beton": ("a dataset of FFCV", f"read it with ffcv and {FOLDER}"),
    ".mdb": ("a database of LMDB", f"read it with lmdb and {FOLDER}"),
    ".lmdb": ("a database of LMDB", f"read it with lmdb and {FOLDER}"),
    ".rec": ("a record file of MXNet", f"read it with mxnet.recordio and {FOLDER}"),
    ".mds": ("a shard of MosaicML's streaming", f"read it with streaming and {FOLDER}"),
    ".7z": ("a 7z archive", f"{PACK}, or make a zip"),
    ".rar": ("a RAR archive", f"{PACK}, or make a zip"),
    ".zst": ("packed with zstd", f"{PACK}, or pack it as .tar or .tar.gz"),
    ".lz4": ("packed with LZ4", f"{PACK}, or pack it as .tar or .tar.gz"),
    ".gz": ("one gzip-packed file", "unpack it first; tar archives may stay packed as .tar.gz"),
    ".csv": ("a table without images", "give the folder of the images that it names, with the table in it"),
    ".tsv": ("a table without images", "give the folder of the images that it names, with the table in it"),
    ".jsonl": ("a table without images", "give the folder of the images that it names, with the table in it"),
    ".json": ("a table without images", "give the folder of the images that it names, with the table in it"),
    ".xlsx": ("an Excel table", "save it as CSV into the folder of its images and give the folder"),
    ".txt": ("a text", "give the folder of the images"),
    ".md": ("a text", "give the folder of the images"),
    ".sqlite": ("a database", FOLDER),
    ".db": ("a database", FOLDER),
    ".lance": ("a table of Lance", "write it as Parquet with a column of image bytes"),
    ".zarr": ("a folder of Zarr arrays", "save it as .npy or .h5"),
    ".mp4": ("a film", "save its frames as images in a folder"),
    ".avi": ("a film", "save its frames as images in a folder"),
    ".mov": ("a film", "save its frames as images in a folder"),
    ".pdf": ("a document", "save its pages as images in a folder"),
    ".nii": ("a volume (NIfTI)", "save slices of it as PNG files in a folder"),
    ".dcm": ("a DICOM picture", "save it as PNG, in a folder"),
    ".idx": ("a file of MNIST's own kind", "choose MNIST or FashionMNIST by name, or save it as .npy"),
}
_STARTS = {  # first bytes -> ending of the same kind
    b"7z\xbc\xaf": ".7z",
    b"Rar!": ".rar",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"\x04\x22\x4d\x18": ".lz4",
    b"MATLAB 5.0": ".mat",
    b"MATLAB 7.3": ".mat",
    b"SQLite format 3": ".sqlite",
    b"%PDF": ".pdf",
    b"\x80\x02": ".pkl",
    b"\x80\x03": ".pkl",
    b"\x80\x04": ".pkl",
    b"\x80\x05": ".pkl",
}


def told(path: Path) -> str | None:
    """What a file or folder is and what to do, such as `is a 7z archive; unpack it …`; None where that is not known."""
    suffix = path.suffix.lower().split("-")[0]  # `.tfrecord-00000-of-00010`
    if "idx1-ubyte" in path.name or "idx3-ubyte" in path.name:
        suffix = ".idx"
    if suffix not in WHAT and path.is_file():
        with path.open("rb") as file:
            start = file.read(32)
        suffix = next((kind for begins, kind in _STARTS.items() if start.startswith(begins)), suffix)
        if not start:
            return "is empty; give the whole file"
    what = WHAT.get(suffix)
    return f"is {what[0]}; {what[1]}" if what else None
