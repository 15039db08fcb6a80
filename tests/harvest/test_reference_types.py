from __future__ import annotations

import pytest

from harvest.reference_types import name_types

_ARTICLE = ("JOUR", "Journal Article", "journalArticle", "journal-article", "Article", "EJOUR")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        *(((one,), ("Journal Article",)) for one in _ARTICLE),
        *(((one,), ("Thesis",)) for one in ("THES", "phdthesis", "Dissertation/Thesis")),
        *(((one,), ("Book Chapter",)) for one in ("CHAP", "inbook", "book-chapter", "ECHAP")),
        *(((one,), ("Review",)) for one in ("Review", "REVIEW", "review-article")),
        # A kind of study is not lost among the articles.
        (
            ("Journal Article", "Randomized Controlled Trial", "JOUR"),
            ("Journal Article", "Randomized Controlled Trial"),
        ),
        (("Meeting Abstract", "CPAPER"), ("Meeting Abstract", "Conference Paper")),
        (("Research Support, Non-U.S. Gov't",), ("Research Support, Non-U.S. Gov't",)),
        (("observational study", "OBSERVATIONAL STUDY"), ("Observational Study",)),
        ((" ",), ()),
    ],
)
def test_a_type_has_one_name_however_it_is_written(
    given: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert name_types(given) == names
