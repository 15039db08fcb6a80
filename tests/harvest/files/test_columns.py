from __future__ import annotations

import pytest

from harvest.errors import UnknownColumns, UnreadableFile
from tests.harvest.reading import read


def test_the_mapping_is_shown_and_can_be_overruled() -> None:
    text = "Item Title,Publication Title,Summary,x\nOne,Journal,Text,Other\n"
    guessed = read(text)
    assert guessed.columns == {
        "title": "Item Title",
        "venue": "Publication Title",
        "abstract": "Summary",
    }
    assert guessed.unused_columns == ("x",)
    assert guessed.records[0].extra == {"x": "Other"}
    overruled = read(text, {"title": "x", "abstract": ""})
    assert overruled.columns == {"title": "x", "venue": "Publication Title"}
    assert overruled.records[0].title == "Other"


@pytest.mark.parametrize(
    ("mapping", "words"),
    [({"titel": "a"}, "no field named 'titel'"), ({"title": "z"}, "no column named 'z'")],
)
def test_a_mapping_that_names_nothing_is_refused(mapping: dict[str, str], words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read("title,abstract\na,b\n", mapping)


def test_unknown_columns_are_named_with_the_remedy() -> None:
    with pytest.raises(UnknownColumns, match="kolumne, spalte") as caught:
        read("kolumne,spalte\na,b\nc,d\n")
    assert "Say which column holds what" in caught.value.remedy
    assert caught.value.line == 1
