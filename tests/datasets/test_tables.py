import io
import json
import os
import unicodedata
import zipfile

import pandas as pd
import pytest
from PIL import Image

from explorer import datasets, fence
from explorer.datasets import labelling, naming, tables
from explorer.errors import BadInput

HEAD, ROWS = ["file_name", "größe", "value"], [[f"{n}.png", ["klein", "groß"][n % 2], f"{n},5"] for n in range(8)]


def picture(value):
    file = io.BytesIO()
    Image.new("RGB", (12, 10), (value % 256, value // 256, 99)).save(file, "PNG")
    return file.getvalue()


def fill(root, names, **tables):
    """A folder of pictures, and tables whose names have `_` for their dot."""
    for at, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(picture(at))
    for name, content in tables.items():
        (root / name.replace("_", ".")).write_bytes(content.encode() if isinstance(content, str) else content)
    return str(root)


def told(root, column):
    """Values of a column by the name of the picture, None where there is none, and all notes."""
    images = datasets.load(root, "all", 8)
    assert column in images.concepts, images.notes
    values = images.concepts[column].astype(object)
    return dict(zip(images.names, values.where(values.notna(), None), strict=True)), "; ".join(images.notes)


def text(separator, quote=False):
    cells = (separator.join(f'"{one}"' if quote else one for one in line) for line in [HEAD, *ROWS])
    return "".join(f"{line}\r\n" for line in cells)


@pytest.mark.parametrize(
    "content",
    [
        text(";").encode("utf-8-sig"),
        text("\t").encode(),
        text("|").encode(),
        text(",", True).encode(),
        text(";").encode("cp1252"),
        text(",", True).encode("cp1252"),
        text("\t").encode("utf-16"),
        text("\t").encode("utf-16-le"),
        b"sep=;\r\n" + text(";").encode(),
    ],
)
def test_tables_as_spreadsheets_write_them(tmp_path, content):
    root = fill(tmp_path / "t", [f"{n}.png" for n in range(8)], metadata_csv=content)
    assert told(root, "größe")[0] == {f"{n}.png": ["klein", "groß"][n % 2] for n in range(8)}
    assert told(root, "value")[0] == {f"{n}.png": n + 0.5 for n in range(8)}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1.234,5", "2,5", "3"], [1234.5, 2.5, 3]),
        (["1,234", "2,345,678", "3"], ["1234", "2345678", "3"]),
        (["0,125", "0,250", "0,5"], [0.125, 0.25, 0.5]),
        (["NA", "", "2.5"], [None, None, 2.5]),
        (["001", "002", "010"], ["001", "002", "010"]),
        (["a", "NA", "None"], ["a", "NA", "None"]),
        (["true", "False", ""], ["yes", "no", None]),
        (["2020-01-01", "", "2021-01-01"], [2020, None, 2021]),
    ],
)
def test_cells_are_what_they_say(tmp_path, cells, expected):
    table = "file_name;a\n" + "".join(f"{n}.png;{cell}\n" for n, cell in enumerate(cells))
    found, _ = told(fill(tmp_path / "t", [f"{n}.png" for n in range(3)], metadata_csv=table), "a")
    assert list(found.values()) == expected


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "zip", "labels.csv", "some_labels.tsv"])
def test_any_table_with_a_column_that_names_images_is_read(tmp_path, kind):
    rows = [
        {"file_name": f"{c}/{n}.png", "mood": ["calm", "wild"][n % 2], "doors": n % 3} for c in "ab" for n in range(4)
    ]
    root = tmp_path / "t"
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    fill(root, [row["file_name"] for row in rows])
    if kind == "jsonl":
        (root / "metadata.jsonl").write_text(lines)
    elif kind == "parquet":
        pd.DataFrame(rows).to_parquet(root / "metadata.parquet")
    elif kind == "zip":
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            for row in rows:
                archive.write(root / row["file_name"], f"train/{row['file_name']}")
            archive.writestr("train/metadata.jsonl", lines)
        root = tmp_path / "t.zip"
    else:
        pd.DataFrame(rows).rename(columns={"file_name": "x"}).to_csv(
            root / kind, index=False, sep=",;"[kind[-3] == "t"]
        )
    found, notes = told(str(root), "mood")
    assert {name.removeprefix("train/"): mood for name, mood in found.items()} == {
        row["file_name"]: row["mood"] for row in rows
    }
    assert not notes
    assert "index" not in datasets.load(str(root), "all", 8).concepts


def test_an_image_that_is_not_listed_has_no_value(tmp_path):
    """It had the value of another image with the same bare name."""
    names = ["p1/s1.png", "p2/s1.png", "p3/s1.png"]
    root = fill(tmp_path / "t", names, metadata_csv="file_name,finding\np1/s1.png,tumour\np2/s1.png,none\n")
    found, notes = told(root, "finding")
    assert found == {"p1/s1.png": "tumour", "p2/s1.png": "none", "p3/s1.png": None}
    assert "1 of 3 images, such as 'p3/s1.png', have no row in 'metadata.csv'" in notes


def test_a_bare_name_that_two_folders_have_is_said_and_gives_no_value(tmp_path):
    names = ["p1/s1.png", "p2/s1.png", "p1/s2.png"]
    found, notes = told(
        fill(tmp_path / "t", names, metadata_csv="file_name,finding\ns1.png,tumour\ns2.png,none\n"), "finding"
    )
    assert found == {"p1/s1.png": None, "p2/s1.png": None, "p1/s2.png": "none"}
    assert "'s1.png', could mean several images" in notes


@pytest.mark.parametrize(
    ("images", "listed", "expected"),
    [
        (["a/1.png", "b/2.png"], ["a\\1.png", "./b/2"], [0, 1]),
        (["A/X.PNG"], ["a/x.png"], [0]),
        (["001.png", "1e5.png", "NA.png", "nan.png"], ["001", "1e5", "NA", "nan"], [0, 1, 2, 3]),
        (["1.png", "b/1.png"], ["/data/b/1.png", "/data/c/1.png"], [1, -1]),
        (["a.png"], ["https://example.org/x/a.png?size=1"], [0]),
        (["a.png"], ["C:\\photos\\a.png"], [0]),
        (["train/c/1.png", "test/c/1.png"], ["c/1.png"], [-2]),
        (["a.png"], ["a.jpg", "a.png"], [-1, 0]),
        (["caf\u00e9.png"], [unicodedata.normalize("NFD", "caf\u00e9.png")], [0]),
        (["images/1.png", "images/2.png"], ["/x/jpg/1.jpg", "/x/jpg/2.jpg"], [0, 1]),
    ],
)
def test_which_image_a_name_means(images, listed, expected):
    assert naming.Images(images, "").find(listed).tolist() == expected


def test_rows_of_one_image_count_as_one_where_they_agree(tmp_path):
    table = "file_name,sex,age\n0.png,F,30\n0.png,F,30\n1.png,M,40\n1.png,F,\n"
    root = fill(tmp_path / "t", ["0.png", "1.png"], metadata_csv=table)
    found, notes = told(root, "sex")
    assert found == {"0.png": "F", "1.png": None} and told(root, "age")[0] == {"0.png": "30", "1.png": "40"}
    assert "lists 1 images more than once with different values of 'sex', such as '1.png'" in notes


def test_what_is_not_read_is_named(tmp_path):
    root = fill(tmp_path / "t", ["0.png", "1.png"], prices_csv="shop,price\na,1\nb,2\n", deep_xlsx="x", x_zip="PK")
    notes = " ".join(datasets.load(root, "all", 8).notes)
    assert "'prices.csv' was not read: it has no column that names images" in notes
    assert "'deep.xlsx' was not read: it is of a spreadsheet; save it as CSV" in notes
    assert "1 archives within, such as 'x.zip', were not opened" in notes


def test_a_table_without_a_line_of_titles_and_rows_that_are_too_long(tmp_path):
    names = ["0.png", "1.png"]
    assert told(fill(tmp_path / "a", names, labels_csv="0.png,cat\n1.png,dog\n"), "column 2")[0]["1.png"] == "dog"
    found, notes = told(fill(tmp_path / "b", names, labels_csv="file,a\n0.png,cat\n1.png,dog,cow,x\n"), "a")
    assert found == {"0.png": "cat", "1.png": None} and "1 of its rows have more cells" in notes


class Unmarked(zipfile.ZipInfo):
    """An entry whose name has an encoding that the zip does not tell."""

    def __init__(self, name, encoding):
        super().__init__(name)
        self.encoding = encoding

    def _encodeFilenameFlags(self):
        return self.filename.encode(self.encoding), 0


@pytest.mark.parametrize("encoding", ["utf-8", "cp437", "cp932"])
def test_names_in_zips_of_windows_and_of_a_mac(tmp_path, encoding):
    folder = "写真データ" if encoding == "cp932" else "größe"
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        for n in range(4):
            archive.writestr(Unmarked(f"{[folder, 'x'][n % 2]}\\{n}.png", encoding), picture(n))
    images = datasets.load(str(tmp_path / "w.zip"), "all", 8)
    assert set(images.concepts["class"]) == {folder, "x"} and len(images) == 4


def test_a_mac_decomposes_letters_and_classes_are_the_same_all_the_same(tmp_path):
    names = [unicodedata.normalize(form, f"café/{form}.png") for form in ("NFC", "NFD")]
    root = fill(tmp_path / "m", [*names, "x/1.png"], metadata_csv="file_name,a\ncafé/NFD.png,1.5\ncafé/NFC.png,2.5\n")
    images = datasets.load(root, "all", 8)
    assert set(images.concepts["class"]) == {"café", "x"} and images.concepts["a"].notna().sum() == 2


def test_names_that_are_no_unicode_cost_no_picture(tmp_path):
    root = fill(tmp_path / "l", [f"{n}.png" for n in range(4)], metadata_csv="file_name,a\ncafé.png,x\n1.png,y\n")
    os.rename(f"{root}/0.png", os.fsencode(root) + b"/caf\xe9.png")
    found, _ = told(root, "a")
    assert found == {"café.png": "x", "1.png": "y", "2.png": None, "3.png": None}
    assert sorted(datasets.load(root, "all", 8).read(slice(None))[:, 0, 0, 0]) == [0, 1, 2, 3]


def test_a_table_of_a_million_columns_is_named_and_the_pictures_are_used(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file_name," + "c," * 10**6 + "\na.png,1\n")
    images = datasets.load(str(tmp_path), "all", 8)
    assert len(images) == 1
    assert any("1,000,002 columns" in note for note in images.notes)


def test_a_long_table_gives_signs_of_life(monkeypatch):
    alive = []
    monkeypatch.setattr(fence, "beat", lambda *_: alive.append(1))
    rows = 50_000
    names = [f"{row}.png" for row in range(rows)]
    content = ("file_name,colour\n" + "".join(f"{row}.png,c{row % 3}\n" for row in range(rows))).encode()
    found, _ = labelling.table(names, "labels.csv", content)
    assert found["colour"].iloc[4] == "c1" and len(alive) >= 3 * rows / 10_000


def test_tables_that_may_do_harm_are_read_behind_the_fence_first(monkeypatch):
    held = io.BytesIO()
    pd.DataFrame({"file_name": ["a.png"], "colour": ["red"]}).to_parquet(held)
    long = b"file_name,colour\n" + b"a.png,red\n" * (tables.SMALL // 10)
    asked = []
    monkeypatch.setattr(fence, "ask", lambda function, name, *_, **__: asked.append(name))
    tables.read("small.csv", b"file_name,colour\na.png,red\n")
    assert asked == []
    tables.read("a.parquet", held.getvalue())
    tables.read("long.csv", long)
    assert asked == ["a.parquet", "long.csv"]

    def refused(*_, **__):
        raise fence.Fault("needs more than 1.3 GB of memory to read")

    monkeypatch.setattr(fence, "ask", refused)
    with pytest.raises(BadInput, match="needs more than"):
        tables.read("a.parquet", held.getvalue())
