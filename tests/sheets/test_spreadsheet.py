import io

import pandas as pd

from explorer.sheets.spreadsheet import csv_of


def test_a_name_is_no_formula_and_a_number_stays_one():
    table = pd.DataFrame({"=name": ["=cmd|calc!A0", "+1", "-x", "@a", "a=b", None], "value": [-1.5, 2, 3, 4, 5, 6]})
    assert csv_of(table).splitlines() == [
        "'=name,value", "'=cmd|calc!A0,-1.5", "'+1,2.0", "'-x,3.0", "'@a,4.0", "a=b,5.0", ",6.0",
    ]  # fmt: skip
    assert csv_of(pd.DataFrame({"a": pd.Categorical(["-x", "y"])})).splitlines() == ["a", "'-x", "y"]


def test_numbers_that_are_text_stay_numbers_and_other_signs_are_quoted():
    values = ["-0.5", "-1e-05", "-2+3", "-1|calc", "\t=1", "\n=1", "＝1", "-"]
    quoted = [value for value in csv_of(pd.DataFrame({"a": values})).replace('"', "")[2:].split("\n") if value]
    assert quoted[:3] == ["-0.5", "-1e-05", "'-2+3"]
    found = pd.read_csv(io.StringIO(csv_of(pd.DataFrame({"a": values}))), dtype=str)["a"].tolist()
    assert found[2:] == [f"'{value}" for value in values[2:]]
