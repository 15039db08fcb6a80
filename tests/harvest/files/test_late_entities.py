"""Entities that a file declares are refused wherever the declaration stands."""

from __future__ import annotations

import io

import pytest

from harvest.errors import UnreadableFile
from harvest.xml import elements

_COMMENT = f"<!-- {'x' * 70_000} -->"
_DECLARED = {
    "text": '<!ENTITY a "aaaa">',
    "a file": '<!ENTITY a SYSTEM "file:///etc/passwd">',
    "for the type": "<!ENTITY % a \"<!ENTITY b 'c'>\"> %a;",
}


@pytest.mark.case("service", 8)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("declared", _DECLARED.values(), ids=_DECLARED)
def test_entities_behind_a_long_comment_are_refused(declared: str, encoding: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>{_COMMENT}<!DOCTYPE r [{declared}]>'
        "<r><x>one</x></r>"
    )
    with pytest.raises(UnreadableFile, match="declares its own entities"):
        list(elements(io.BytesIO(text.encode(encoding)), {"x"}))


@pytest.mark.case("service", 8)
def test_a_document_type_without_entities_and_words_in_a_comment_are_read() -> None:
    text = '<!-- <!ENTITY a "b"> --><!DOCTYPE r [<!ELEMENT r ANY>]><r><x>one</x></r>'
    assert [each.text for each in elements(io.BytesIO(text.encode()), {"x"})] == ["one"]
