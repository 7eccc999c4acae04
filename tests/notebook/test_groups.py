"""Names of groups and groups of one's own: kept by the codes, and a table out and in."""

from __future__ import annotations

import pytest

from explorer.errors import BadInput
from explorer.notebook import group_files, groups

SIZES = {"top": 8, "bottom": 16}


def test_a_name_is_kept_for_the_codes_in_any_order_and_for_no_others():
    assert groups.name("model", "top learned", (3, 1), "  night   sky ") == "night sky"
    known = groups.names("model", "top learned")
    assert known[groups.key_of([1, 3])] == "night sky" and groups.key_of([1, 3, 4]) not in known
    assert not groups.names("model", "bottom learned") and not groups.names("other", "top learned")
    groups.name("model", "top learned", (1, 3), "")
    assert not groups.names("model", "top learned")


def test_names_that_are_too_long_are_refused_and_nothing_is_kept():
    with pytest.raises(BadInput, match="61 letters"):
        groups.rename("model", "top learned", [((1,), "good"), ((2,), "a" * 61)])
    assert not groups.names("model", "top learned")


def test_groups_of_ones_own_are_kept_once_and_can_go():
    first = groups.keep("model", "top learned", "mine.csv", [[2, 1], [5]])
    assert groups.keep("model", "top learned", "again.csv", [[1, 2], [5]]).key == first.key
    assert groups.own("model", "top learned")[first.key].groups == ((1, 2), (5,))
    groups.forget("model", "top learned", first.key)
    assert not groups.own("model", "top learned")


def test_a_table_goes_out_and_comes_in_again_the_same():
    text = group_files.written("top", [[1, 4], [0, 7]], ["=cmd|' /C calc'!A1", ""])
    assert "'=cmd" in text, "no spreadsheet runs it"
    read = group_files.read("groups.csv", text.encode(), "top", SIZES)
    assert read.groups == ((1, 4), (0, 7)) and read.names == ("=cmd|' /C calc'!A1", "") and not read.notes


def test_a_table_of_anyones_hand_is_read():
    text = "Code;Group;Name\n3;sky;\n5;sky;\n1;2;grass\n"
    read = group_files.read("mine.csv", text.encode(), "top", SIZES)
    assert read.groups == ((3, 5), (1,)) and read.names == ("sky", "grass"), "a group called by a word has that name"


def test_of_several_layers_the_one_that_is_asked_is_read():
    text = "layer,code,group\ntop,1,0\nbottom,12,0\nbottom,13,1\n"
    assert group_files.read("a.csv", text.encode(), "bottom", SIZES).groups == ((12,), (13,))
    with pytest.raises(BadInput, match="there is none; choose from top, bottom"):
        group_files.read("a.csv", b"layer,code,group\nmiddle,1,0\n", "top", SIZES)
    with pytest.raises(BadInput, match="codes of bottom and none of top"):
        group_files.read("a.csv", b"layer,code,group\nbottom,1,0\n", "top", SIZES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"code,group\n8,0\n", "code 8, and layer top has codes 0 to 7"),
        (b"code,group\n-1,0\n", "'-1' where a code should be"),
        (b"code,group\nseven,0\n", "'seven' where a code should be"),
        (b"code,group\n1,0\n1,1\n", "code 1 in two groups, 0 and 1"),
        (b"code,name\n1,sky\n", "no column group, it has code, name"),
        (b"a,b\n1,sky\n", "no column code and no column group"),
        (b"code,group\n1,\n", "code 1 no group"),
        (b"code,group,name\n1,0,sky\n2,0,sea\n", "group 0 two names, sky and sea"),
        (b"code,group\n", "has no rows"),
        (b"\x00\x01\x02\x00\xff" * 40, "CSV table"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_one_sentence(text, said):
    with pytest.raises(BadInput) as problem:
        group_files.read("mine.csv", text, "top", SIZES)
    assert said in str(problem.value) and "mine.csv" in str(problem.value) and "\n" not in str(problem.value)


def test_a_file_that_is_not_utf8_is_read_and_says_so():
    read = group_files.read("mine.csv", "code,group,name\n1,0,Küste\n".encode("cp1252"), "top", SIZES)
    assert read.names == ("Küste",) and "not UTF-8" in read.notes[0]
