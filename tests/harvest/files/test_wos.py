from __future__ import annotations

from tests.harvest.reading import read

_RECORD = "FN Clarivate\nVR 1.0\nPT {kind}\nTI One\n{lines}UT CABI:1\nER\n\nEF\n"


def test_words_under_every_tag_are_keywords() -> None:
    lines = "DE care; boots\nOR dogs\nBD Canis;\n   mammals\nMC Schools\nMQ a tool\n"
    (record,) = read(_RECORD.format(kind="J", lines=lines)).records
    assert record.keywords == ("care", "boots", "dogs", "Canis", "mammals", "Schools", "a tool")


def test_the_kind_of_publication_stands_in_for_a_type() -> None:
    (stated,) = read(_RECORD.format(kind="J", lines="DT Article; Review\n")).records
    (silent,) = read(_RECORD.format(kind="P", lines="")).records
    assert (stated.types, silent.types) == (("Article", "Review"), ("Patent",))
