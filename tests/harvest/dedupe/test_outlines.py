"""The quick tests of deduplication find only what the slow ones find."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.labelled import record, rows
from harvest.dedupe import kinds
from harvest.dedupe import prepare as preparing
from harvest.dedupe.compare import compare
from harvest.dedupe.keys import Index
from harvest.dedupe.outlines import are_apart, make_outline
from harvest.dedupe.prepare import Wording, prepare
from harvest.dedupe.titles import Title, compare_titles, has_own_word
from harvest.record import Author, Record
from tests.harvest.dedupe.records import made
from tests.shared import needs_shared

# Words that are slips, parts, joins, opposites and numbers of each other.
_WORDS = st.sampled_from(
    "health care healthcare heath cares carer male female hyper hypo child children chld 2 3 2009 "
    "2010 covid19 covid part one ii social work socialwork primary secondary of the in review "
    "reviews trial trails tral randomised randomized ab ba abc".split()
)
_ASCII = st.characters(max_codepoint=127)
_TITLES = st.lists(_WORDS, min_size=1, max_size=9)


@st.composite
def _similar(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Two titles, the second a copy of the first with words replaced, added, moved or left out."""
    one = draw(_TITLES)
    other = [word for word in one if draw(st.integers(0, 4))]
    for _ in range(draw(st.integers(0, 4))):
        other.insert(draw(st.integers(0, len(other))), draw(_WORDS))
    return one, other or ["of"]


def _wording(words: list[str]) -> Wording:
    (wording,) = prepare(Record(1, title=" ".join(words)), "a").titles
    return wording


@given(_similar())
@example((["health", "care", "children"], ["healthcare", "carer"]))
@example((["work", "work", "social"], ["socialwork", "trial"]))
def test_titles_that_each_have_a_word_of_their_own_have_words_replaced(
    titles: tuple[list[str], list[str]],
) -> None:
    one, other = map(_wording, titles)
    short, long = sorted((one.squeezed, other.squeezed), key=len)
    own = has_own_word(one.words, other.words) and has_own_word(other.words, one.words)
    if own and not long.startswith(short) and not long.endswith(short):
        assert compare_titles(one, other) in (Title.OTHER, Title.SIBLING)


@st.composite
def _pair(draw: st.DrawFn) -> tuple[Record, Record]:
    one, other = draw(made()), draw(made())
    titles = draw(_similar())
    abstract = draw(st.sampled_from((None, "Of children and of families. " * 30)))
    kind = draw(st.sampled_from(("", "", "", "Erratum: ", "[of trial and review in care] ")))
    return (
        _changed(one, titles[0], abstract, ""),
        _changed(other, titles[1], draw(st.sampled_from((None, abstract))), kind),
    )


def _changed(old: Record, words: list[str], abstract: str | None, kind: str) -> Record:
    return Record(
        position=1,
        title=kind + " ".join(words),
        abstract=abstract,
        authors=old.authors,
        year=old.year,
        venue=old.venue,
        volume=old.volume,
        issue=old.issue,
        pages=old.pages,
        doi=old.doi,
        pmid=old.pmid,
    )


@given(_pair())
def test_records_whose_outlines_are_apart_are_different(pair: tuple[Record, Record]) -> None:
    a, b = prepare(pair[0], "a"), prepare(pair[1], "b")
    apart = are_apart(make_outline(a), make_outline(b))
    assert apart == are_apart(make_outline(b), make_outline(a))
    if apart:
        decision = compare(a, b)
        assert (decision.label, decision.guard) == ("different", None)


def test_outlines_tell_other_titles_of_the_same_authors_apart() -> None:
    one = Record(1, title="Home visiting for young families", authors=(Author("Wu, L"),), year=2014)
    other = Record(1, title="Home care of elderly patients", authors=(Author("Wu, L"),), year=2015)
    outlines = [make_outline(prepare(each, "x")) for each in (one, other)]
    assert are_apart(*outlines)
    same_page = [
        make_outline(prepare(Record(1, title=each.title, pages=pages, year=2014), "x"))
        for each, pages in ((one, "12-18"), (other, "e12"))
    ]
    assert not are_apart(*same_page)


@needs_shared
@pytest.mark.case("service", 21)
def test_outlines_settle_most_pairs_of_a_real_set_as_the_rules_do() -> None:
    index, settled, compared = Index(), 0, 0
    for row in rows("haematology"):
        prepared = prepare(record(row), row["record_id"])
        for other in index.add(prepared):
            compared += 1
            if are_apart(make_outline(other), make_outline(prepared)):
                settled += 1
                decision = compare(other, prepared)
                assert (decision.label, decision.guard) == ("different", None)
    assert settled > 0.7 * compared


@pytest.mark.parametrize("pattern", [pattern for _, pattern in kinds._KINDS])
@given(data=st.data())
def test_a_title_of_any_kind_has_a_mark_of_it(pattern: str, data: st.DataObject) -> None:
    title = data.draw(st.from_regex(pattern, alphabet=_ASCII))
    assert any(mark in title for mark in kinds._MARKS)


@given(st.from_regex(preparing._THESIS, alphabet=_ASCII))
def test_a_dissertation_is_recognised_by_its_marks_first(text: str) -> None:
    assert preparing._is_thesis(text) == bool(preparing._THESIS.search(text))
