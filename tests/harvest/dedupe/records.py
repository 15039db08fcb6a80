"""A record, and ways to vary it, for tests of deduplication."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from harvest.record import Author, Record

BASE = Record(
    position=1,
    title="Integrating social work into primary health care for children: a mixed methods study",
    authors=(Author("Smith, Jane A"), Author("Okafor, Chidi"), Author("Lindqvist, Per")),
    year=2014,
    venue="Journal of Integrated Care",
    volume="22",
    issue="3",
    pages="101-112",
    doi="10.1108/jica-01-2014-0001",
)


def changed(**fields: object) -> Record:
    return replace(BASE, **fields)  # type: ignore[arg-type] # fields are named by each test


_TITLES = (
    "Integrating social work into primary health care",
    "Integrating social work into primary health care: a mixed methods study",
    "Erratum: integrating social work into primary health care",
    "Integrating social work into primary health care 2",
    "Editorial",
    "Home visiting for families with young children",
    "Home visiting for familys with young children",
    "Интеграция социальной работы в здравоохранение",
    "",
)


@st.composite
def made(draw: st.DrawFn) -> Record:
    def maybe(values: tuple[str, ...]) -> str | None:
        return draw(st.sampled_from((None, *values)))

    return Record(
        position=1,
        title=draw(st.sampled_from(_TITLES)) or None,
        authors=tuple(
            map(Author, draw(st.lists(st.sampled_from(("Smith, J", "Wu L", "Ng A")), max_size=3)))
        ),
        year=draw(st.sampled_from((None, 2014, 2015))),
        venue=maybe(("Journal of Integrated Care", "J Integr Care", "medRxiv", "Lancet")),
        volume=maybe(("1", "2")),
        issue=maybe(("1", "Suppl 1")),
        pages=maybe(("1-9", "1", "20-29")),
        doi=maybe(("10.1000/abcdef", "10.1000/abcdeg", "10.1101/2020.01.02.20000001")),
        pmid=maybe(("11", "12")),
    )
