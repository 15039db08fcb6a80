from __future__ import annotations

import io
import tempfile

import pytest

from harvest.errors import FileTooLarge, UnreadableFile
from harvest.files.unpack import unpacked
from harvest.text import clean, clean_markup, decode, fold, title_key, year_in


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


def test_a_few_broken_bytes_do_not_change_the_encoding_and_are_told() -> None:
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
    assert year_in(text) == year


def test_titles_that_read_the_same_have_the_same_key() -> None:
    assert title_key("Child‐welfare: “joint” Working") == title_key(
        "child-welfare: 'joint' working."
    )
    assert title_key("Дети") == title_key("дети") != ""
    assert fold("Ärzte") == "arzte"


def test_a_gzipped_file_is_the_file_in_it() -> None:
    import gzip

    with tempfile.TemporaryFile() as on_disk:  # open for writing too, as uploads are
        on_disk.write(gzip.compress(b"title\nOne\n"))
        for packed in (io.BytesIO(gzip.compress(b"title\nOne\n")), on_disk):
            with unpacked(packed) as plain:
                assert plain.read() == b"title\nOne\n"
    bomb = io.BytesIO(gzip.compress(b"0" * 1_000_000))
    with pytest.raises(FileTooLarge), unpacked(bomb, limit=100_000):
        pass
    cut = io.BytesIO(gzip.compress(b"title\nOne\n")[:-6])
    with pytest.raises(UnreadableFile, match="damaged"), unpacked(cut):
        pass
