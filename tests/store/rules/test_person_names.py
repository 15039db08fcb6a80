"""Names of people: the same name, names that cannot be seen, names that look alike."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.rules.person_names import find_invisible, list_look_alikes, make_name_key

SAME = [
    ("lead", "LEAD"),
    ("lead", "Lead"),
    ("lead", "ｌｅａｄ"),
    ("Straße", "STRASSE"),
    ("ﬁona", "Fiona"),
    ("José", "Jose\u0301"),
    ("Ann Lee", "  ann\u00a0 LEE "),
    ("ΣΟΦΟΣ", "σοφος"),
    ("Å", "Å"),
    ("ǅ", "dž"),
]


@pytest.mark.case("service", 4)
@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_that_differ_in_form_alone_are_the_same(one: str, other: str) -> None:
    assert make_name_key(one) == make_name_key(other)


@given(st.text(max_size=30))
def test_the_form_of_a_name_is_final(name: str) -> None:
    key = make_name_key(name)
    assert make_name_key(key) == key
    assert make_name_key(unicodedata.normalize("NFD", name)) == make_name_key(
        unicodedata.normalize("NFC", name)
    )


@pytest.mark.case("service", 4)
@pytest.mark.parametrize(
    "character",
    (
        "\u200b\u200d\u202e\u2066\u00ad\ufeff\x00\x07\u2028"
        "\u3164\u115f\u2800\ufe0f\U000e0041\ue000\U000e0100\u034f"
    ),
)
def test_a_character_that_cannot_be_seen_is_found(character: str) -> None:
    assert f"U+{ord(character):04X}" in str(find_invisible(f"le{character}ad"))


@pytest.mark.parametrize("name", ["Ann", "José", "O'Neill", "李雷", "Łukasz-Jan", "مريم", "Ελένη"])
def test_an_ordinary_name_can_be_seen(name: str) -> None:
    assert find_invisible(name) is None


@pytest.mark.case("service", 4)
@pytest.mark.parametrize("other", ["Lеad", "ӏead", "1ead", "LΕΑD", "lеаԁ", "léad"])
def test_a_name_that_looks_like_another_is_pointed_out(other: str) -> None:
    assert list_look_alikes(["bo", "lead", other, "ann"]) == [("lead", other)]


def test_names_that_are_the_same_or_look_different_are_not_pointed_out() -> None:
    assert list_look_alikes(["lead", "LEAD", "leaf", "ann", "Анна", "bo"]) == []
