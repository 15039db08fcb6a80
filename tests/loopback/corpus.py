"""A corpus of made-up records, the same for the same seed."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

_PEOPLE = (
    *("children", "young people", "families", "parents", "adolescents", "infants", "mothers"),
    *("older adults", "veterans", "students", "employees"),
)
_CARE = (
    *("social work", "social workers", "child welfare", "child protection", "safeguarding"),
    *("foster care", "family support", "children's services", "social care", "kinship care"),
    *("general surgery", "dentistry", "road traffic", "soil science", "image compression"),
)
_HEALTH = (
    *("health services", "mental health", "hospital paediatrics", "primary care", "midwifery"),
    *("substance misuse treatment", "adult social care", "psychiatry", "nursing", "logistics"),
)
_TOGETHER = (
    *("integration", "multi-agency working", "interagency collaboration", "joint commissioning"),
    *("partnership", "co-location", "coordinated care", "information sharing", "isolation"),
    *("cost", "measurement", "history", "attitudes"),
)
_MODELS = ("sure start", "barnahus", "family drug and alcohol courts", "team around the child")
# Words of a phrase that are not next to each other: sources that search quoted words singly find
# them.
_SCATTERED = (
    "Homes of a social landlord were places of work.",
    "Courts of tennis were open to a family.",
    "The kinship of languages takes care.",
)
_STUDY = ("A qualitative study", "A survey", "A cohort study", "A review", "An evaluation")
_VERBS = ("shaped", "delayed", "supported", "replaced", "followed", "preceded")
_PLACES = ("Scotland", "Norway", "Ontario", "Wales", "Queensland", "Hessen", "Oregon")
_FAMILIES = (
    "Ahmed",
    "Berg",
    "Campbell",
    "Díaz",
    "Eriksson",
    "Fraser",
    "García",
    "O'Neill",
    "Sørensen",
)
_GIVEN = ("Anna", "Bo", "Clara", "David", "Elif", "Fiona", "Grace")
_JOURNALS = ("Journal of Made-up Care", "Annals of Invented Services", "Fictional Social Work")
_HEADINGS = ("Child", "Family", "Social Work", "Child Welfare", "Mental Health Services", "Humans")
LANGUAGES = (("eng", "en"), ("ger", "de"), ("nor", "no"))


@dataclass(frozen=True, slots=True)
class Article:
    """One made-up report, as all three sources hold it."""

    number: int
    title: str
    abstract: str | None
    sections: tuple[tuple[str, str], ...]
    authors: tuple[tuple[str, str], ...]
    journal: str
    year: int
    entered: dt.date
    headings: tuple[str, ...]
    language: tuple[str, str]
    # The day of its last change, and the notices about it: kind and PMID.
    changed: dt.date | None = None
    status_notices: tuple[tuple[str, str], ...] = ()
    types: tuple[str, ...] = ("Journal Article",)

    @property
    def pmid(self) -> str:
        """Its PMID; numbers are far above those that NLM gives."""
        return str(90_000_000 + self.number)

    @property
    def doi(self) -> str:
        """Its DOI, under a prefix for examples."""
        return f"10.5555/winnow.{self.number}"


def corpus(size: int, seed: int = 7) -> list[Article]:
    """A number of articles, no two of them the same."""
    chance = random.Random(seed)
    return [_article(number, chance) for number in range(1, size + 1)]


def _article(number: int, chance: random.Random) -> Article:
    people, care = chance.choice(_PEOPLE), chance.choice(_CARE)
    health, together = chance.choice(_HEALTH), chance.choice(_TOGETHER)
    place, study = chance.choice(_PLACES), chance.choice(_STUDY)
    title = f"{together.capitalize()} of {care} and {health} for {people} in {place}: {study.lower()} {number}"
    sections = (
        ("BACKGROUND", f"{care.capitalize()} and {health} meet the same {people} in {place}."),
        ("METHODS", f"{study} with {chance.randint(8, 900)} {people}; p <0.05 was wanted."),
        ("RESULTS", f"{together.capitalize()} {chance.choice(_VERBS)} {chance.choice(_CARE)}."),
    )
    if chance.random() < 0.2:
        sections = (*sections, ("SETTING", chance.choice(_SCATTERED)))
    if chance.random() < 0.05:
        sections = (*sections, ("CONCLUSIONS", f"As in {chance.choice(_MODELS)}."))
    whole = " ".join(text for _, text in sections)
    day = dt.date(2008, 1, 1) + dt.timedelta(days=chance.randint(0, 6000))
    return Article(
        number=number,
        title=title,
        abstract=None if chance.random() < 0.08 else whole,
        sections=sections,
        authors=tuple(
            (chance.choice(_FAMILIES), chance.choice(_GIVEN)) for _ in range(chance.randint(1, 4))
        ),
        journal=chance.choice(_JOURNALS),
        year=day.year,
        entered=day,
        headings=tuple(sorted(chance.sample(_HEADINGS, chance.randint(0, 3)))),
        language=LANGUAGES[0] if chance.random() < 0.94 else chance.choice(LANGUAGES[1:]),
    )
