"""Files of simulated users: a table of what they looked at, which says that they are simulated, and what is known."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from explorer.datasets.split import Numbered
from explorer.errors import BadInput
from explorer.files import atomic_path, read_json, write_bytes, write_json

if TYPE_CHECKING:
    from explorer.datasets.split import Images
    from explorer.datasets.tastes import Looked

ENDINGS = (".csv", ".parquet")
KEY = b"simulated"  # in the metadata of a Parquet file; a CSV has a JSON file beside it
COLUMN = "simulated"  # a column that says yes in every row


def table(looked: Looked, images: Images) -> pd.DataFrame:
    """user_id, image_id (a file's name, or the row where images have none), time and `simulated`, (M rows)."""
    named = looked.item if isinstance(images.names, Numbered) else pd.Series(list(images.names))[looked.item].to_numpy()
    users = pd.Series(looked.crowd.names)[looked.user].to_numpy()
    return pd.DataFrame({"user_id": users, "image_id": named, "time": looked.time.astype("int64"), COLUMN: "yes"})


def check(path: Path) -> None:
    """Raises BadInput for a file that is neither CSV nor Parquet by its name."""
    if path.suffix.lower() not in ENDINGS:
        raise BadInput(f"{path.name} does not end in .csv or .parquet; choose a name such as {path.stem}.csv")


def write(path: Path, found: pd.DataFrame, facts: dict[str, Any]) -> list[Path]:
    """Writes a table as CSV, with what is known in a JSON beside it, or as Parquet, which carries both.

    Returns the files. Raises BadInput for another ending.
    """
    check(path := Path(path))
    if path.suffix.lower() == ".csv":
        write_bytes(path, csv_of(found))
        write_json(beside(path), facts)
        return [path, beside(path)]
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(found, preserve_index=False)
    arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), KEY: json.dumps(facts).encode()})
    with atomic_path(path) as temporary:
        pq.write_table(arrow, temporary)
    return [path]


def csv_of(found: pd.DataFrame) -> bytes:
    """The table as CSV in UTF-8."""
    text = io.StringIO()
    found.to_csv(text, index=False, lineterminator="\n")
    return text.getvalue().encode()


def beside(path: Path) -> Path:
    """Where what is known of the users of a CSV lies."""
    return path.with_name(f"{path.name}.json")


def read(path: Path) -> dict[str, Any] | None:
    """What is known of a CSV's simulated users by the JSON beside it; None where there is none, or a damaged one."""
    try:
        return _known(read_json(beside(Path(path))))
    except (OSError, ValueError):
        return None


def parse(name: str, content: bytes, found: pd.DataFrame) -> dict[str, Any] | None:
    """What the bytes of a file and its table say of simulated users; None where they say nothing.

    A CSV alone says that they are simulated, and nothing of what they like.
    """
    known = None
    if name.lower().endswith((".parquet", ".pq")):
        import pyarrow as pa
        import pyarrow.parquet as pq

        with contextlib.suppress(OSError, ValueError):
            said = (pq.read_schema(pa.BufferReader(content)).metadata or {}).get(KEY)
            known = None if said is None else _known(json.loads(said))
    return {"ceiling": {}} if known is None and COLUMN in found else known


def fitting(facts: dict[str, Any] | None, interactions: int, hashed: bool = False) -> dict[str, Any] | None:
    """The facts as far as they hold: of a file that was changed no more than that its users are simulated.

    Hashed ids do not tell who likes what.
    """
    if facts is not None and facts.get("interactions") != interactions:
        return {"ceiling": {}}
    return facts | {"tastes": [], "taste_of": []} if facts and hashed else facts


def _known(found: Any) -> dict[str, Any] | None:
    return found if isinstance(found, dict) and isinstance(found.get("ceiling"), dict) else None
