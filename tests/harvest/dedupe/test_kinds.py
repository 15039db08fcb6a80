from __future__ import annotations

import pytest

from harvest.dedupe.kinds import find_kind


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Erratum: a study", "erratum"),
        ("Correction to: a study", "erratum"),
        ("Correction of myopia with lenses", "article"),
        ("A study [Erratum appears in BMJ 2001;3:4]", "article"),
        ("A study (vol 12, pg 34, 2001)", "erratum"),
        ("A study (New England Journal of Medicine (2009) 360 (542-544))", "erratum"),
        ("A study of growth (cohort (2009) two)", "article"),
        ("Retraction notice to a study", "retraction notice"),
        ("Retracted: a study", "article"),
        ("A study: reply", "reply"),
        ("Immune response in infants", "article"),
        ("Commentary: on children", "comment"),
        ("A trial: study protocol", "protocol"),
        ("The Montreal protocol and ozone", "article"),
    ],
)
def test_the_kind_is_read_from_the_title(title: str, kind: str) -> None:
    assert find_kind(title.lower()) == kind
