from __future__ import annotations

import re

import pytest
from anyascii import anyascii
from hypothesis import example, given
from hypothesis import strategies as st

from harvest.errors import UnreadableFile
from harvest.text import clean, clean_markup, decode, find_year, fold, squeeze, title_key


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Müller – “Kinder”".encode(), "utf-8"),
        ("Müller – “Kinder”".encode("utf-8-sig"), "utf-8"),
        ("Müller – “Kinder”".encode("utf-16"), "utf-16-le"),
        (("Müller " * 10).encode("utf-16-be"), "utf-16-be"),
        (("Müller " * 10).encode("utf-16-le"), "utf-16-le"),
        ("Müller – “Kinder”".encode("cp1252"), "cp1252"),
        (("儿童服务的整合模式与跨部门合作研究" * 2).encode("gb18030"), "gb18030"),
        (("어린이 복지 서비스 통합에 관한 연구 " * 2).encode("cp949"), "cp949"),
        (("こどものための統合サービスについて " * 2).encode("euc_jp"), "euc_jp"),
    ],
)
def test_encodings_are_detected(data: bytes, encoding: str) -> None:
    decoded = decode(data)
    assert decoded.encoding == encoding
    assert "\ufffd" not in decoded.text


def test_a_few_broken_bytes_do_not_change_the_encoding_and_are_reported() -> None:
    decoded = decode("Müller".encode() * 40 + b"\xff" + b" end")
    assert decoded.encoding == "utf-8"
    assert decoded.note is not None
    assert "1 byte(s)" in decoded.note


def test_binary_junk_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="binary"):
        decode(bytes(range(256)) * 40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a\n b ", "a b"),
        ("a\x00b\ud800", "ab"),
        ("", None),
        ("   ", None),
        ("e\u0301", "é"),
    ],
)
def test_text_is_cleaned(text: str, expected: str | None) -> None:
    assert clean(text) == expected


def test_words_between_brackets_that_are_no_tag_stay() -> None:
    assert clean_markup('of <1 year, <a and b>, <span class="x" id="y">kept</span>') == (
        "of <1 year, <a and b>, kept"
    )


def test_markup_goes_and_comparisons_stay() -> None:
    assert clean_markup("<p>p &lt; 0.05 and n<10 <jats:italic>x</jats:italic></p>") == (
        "p < 0.05 and n<10 x"
    )


@pytest.mark.parametrize(
    ("text", "year"), [("2011 Spring", 2011), ("c2005-06", 2005), ("99", None), ("12011", None)]
)
def test_years_are_found(text: str, year: int | None) -> None:
    assert find_year(text) == year


def test_titles_that_read_the_same_have_the_same_key() -> None:
    assert title_key("Child‐welfare: “joint” Working") == title_key(
        "child-welfare: 'joint' working."
    )
    assert title_key("Дети") == title_key("дети") != ""
    assert fold("Ärzte") == "arzte"


GERMAN, RUSSIAN = "Die Größe der Stiefel für Müller\n", "Услуги для детей и семей: обзор\n"
FRENCH, CHINESE = "Été à l’hôpital: œuvre\n", "儿童服务的整合模式与跨部门合作研究\n"
JAPANESE, KOREAN = "こどものための統合サービス\n", "어린이 복지 서비스 통합에 관한 연구\n"


@pytest.mark.parametrize("first", [GERMAN, RUSSIAN, FRENCH, CHINESE, JAPANESE, KOREAN])
@pytest.mark.parametrize(
    ("second", "codec"),
    [
        *((GERMAN, "cp1252"), (FRENCH, "cp1252"), (RUSSIAN, "cp1251")),
        *((CHINESE, "gb18030"), (JAPANESE, "euc_jp"), (KOREAN, "cp949")),
    ],
)
@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 3), (3, 10), (10, 3)])
def test_files_joined_from_two_encodings_are_decoded_line_by_line(
    first: str, second: str, codec: str, before: int, after: int
) -> None:
    data = (first * before).encode() + (second * after).encode(codec)
    assert decode(data).text == first * before + second * after


@pytest.mark.parametrize(
    ("text", "codec"), [(RUSSIAN, "cp1251"), (CHINESE, "gb18030"), (KOREAN, "cp949")]
)
def test_what_looks_like_utf8_by_chance_does_not_change_the_encoding(text: str, codec: str) -> None:
    decoded = decode((text * 10).encode(codec))
    assert (decoded.text, decoded.encoding) == (text * 10, codec)


def test_one_broken_byte_spoils_nothing_else() -> None:
    bad = b"one bad \x92 byte in Gr\xc3\xb6\xc3\x9fe, and a dash that was cut \xe2\x80\n"
    decoded = decode(GERMAN.encode() + bad)
    assert decoded.text == GERMAN + "one bad ’ byte in Größe, and a dash that was cut \ufffd\n"


def test_the_label_of_a_part_of_an_abstract_stays() -> None:
    text = '<AbstractText Label="AIMS" NlmCategory="UNASSIGNED">To ask.</AbstractText>'
    assert clean_markup(text) == "AIMS: To ask."


def _fold_plainly(text: str) -> str:
    latin = "".join(anyascii(character) for character in text).lower()
    without = "".join(c for c in latin if c in "\t\n\r" or " " <= c < "\x7f")
    return " ".join(without.split())


@given(st.text())
@example("Ärzte\u2028und\u00a0Kinder\t детей\x0b")
def test_folding_is_the_same_as_letter_by_letter(text: str) -> None:
    assert fold(text) == _fold_plainly(text)
    assert squeeze(text) == "".join(re.findall("[a-z0-9]", _fold_plainly(text)))
