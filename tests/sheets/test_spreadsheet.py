import pandas as pd

from explorer.sheets.spreadsheet import csv_of


def test_a_name_is_no_formula_and_a_number_stays_one():
    table = pd.DataFrame({"=name": ["=cmd|calc!A0", "+1", "-x", "@a", "a=b", None], "value": [-1.5, 2, 3, 4, 5, 6]})
    assert csv_of(table).splitlines() == [
        "'=name,value", "'=cmd|calc!A0,-1.5", "'+1,2.0", "'-x,3.0", "'@a,4.0", "a=b,5.0", ",6.0",
    ]  # fmt: skip
    assert csv_of(pd.DataFrame({"a": pd.Categorical(["-x", "y"])})).splitlines() == ["a", "'-x", "y"]
