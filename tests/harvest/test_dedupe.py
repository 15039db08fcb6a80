"""Pairs, groups and files: what is merged, linked, asked about and kept apart."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.labelled import LABEL_ERRORS, SETS, record, rows
from harvest.dedupe.compare import Verdict, compare
from harvest.dedupe.groups import group
from harvest.dedupe.keys import BUCKET_LIMIT, Index, keys_of
from harvest.dedupe.kinds import kind_of
from harvest.dedupe.prepare import family_name, prepare
from harvest.dedupe.run import deduplicate
from harvest.files.read import read_file
from harvest.record import Author, Record
from tests.shared import needs_shared

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


def verdict(a: Record, b: Record) -> Verdict:
    one, other = prepare(a, "a"), prepare(b, "b")
    both = compare(one, other), compare(other, one)
    assert both[0].label == both[1].label
    assert both[0].rule == both[1].rule
    return both[0]


SAME = {
    "abbreviated": changed(
        authors=(Author("Smith J"), Author("Okafor C"), Author("Lindqvist P")),
        venue="J Integr Care",
        pages="101-12",
        doi=None,
    ),
    "et al.": changed(authors=(Author("Smith, Jane et al."),), doi=None),
    "published online the year before": changed(
        year=2013, volume=None, issue=None, pages=None, doi=None
    ),
    "title in capitals with markup and a note": changed(
        title="<b>INTEGRATING SOCIAL WORK INTO PRIMARY HEALTH CARE FOR CHILDREN: A MIXED METHODS "
        "STUDY</b> [Review] [30 refs]",
        doi=None,
    ),
    "a typing error and British spelling": changed(
        title="Intergrating social work into primary healthcare for children: a mixed methods "
        "study.",
        doi=None,
    ),
    "wrong page": changed(pages="e1000", doi=None),
    "without subtitle": changed(
        title="Integrating social work into primary health care for children", doi=None
    ),
    "given names first": changed(
        authors=(Author("Jane A. Smith"), Author("Chidi Okafor"), Author("Per Lindqvist")),
        doi=None,
    ),
    "family names last, one of them run together": changed(
        authors=(Author("Jane, Smith"), Author("Chidi, Okafor"), Author("Per L, Lind Qvist")),
        volume=None,
        issue=None,
        pages=None,
        doi=None,
    ),
    "the year for a volume, a month for an issue": changed(
        volume="2014", issue="Mar", pages=None, doi=None
    ),
    "the preprint's DOI on the published paper": changed(doi="10.2139/ssrn.3266249"),
    "the opening words of the title alone, at the same pages": changed(
        title="Integrating social work", volume=None, issue=None, doi=None
    ),
    "erratum note of the database": changed(
        title=f"{BASE.title} [Erratum appears in J Integr Care. 2015 Jan;23(1):9 [note 2]]",
        doi=None,
    ),
    "translated title": changed(
        title="Integration der Sozialarbeit in die medizinische Versorgung der Kinder", doi=None
    ),
    "both titles": changed(
        title="Integración del trabajo social en la atención primaria [Integrating social work "
        "into primary health care for children: a mixed methods study]",
        doi=None,
        volume=None,
    ),
    "marked as retracted": changed(title=f"RETRACTED: {BASE.title}", doi=None),
}

NOT_SAME = {
    "correction": ("related", changed(title=f"Correction to: {BASE.title}", doi=None, pages=None)),
    "corrigendum behind": ("related", changed(title=f"'{BASE.title}': Corrigendum", doi=None)),
    "place of the corrected": ("related", changed(title=f"{BASE.title} (vol 22, pg 101, 2014)")),
    "reply": ("related", changed(title=f"{BASE.title}: authors' reply", doi=None)),
    "comment": ("related", changed(title=f"Comment on: {BASE.title}", doi=None)),
    "protocol": ("related", changed(title=f"{BASE.title}: study protocol", doi=None, pages=None)),
    "preprint": (
        "related",
        changed(venue="medRxiv", doi="10.1101/2013.03.04.20030000", volume=None, pages=None),
    ),
    "executive summary": ("related", changed(title=f"{BASE.title}. Executive summary")),
    "in a supplement": (
        "related",
        changed(year=2013, volume="21", issue="Suppl 1", pages="S45", doi=None),
    ),
    "at a conference": (
        "related",
        changed(venue="Proceedings of the Health Conference", volume=None, pages="S45", doi=None),
    ),
    "another word": (
        "different",
        changed(
            title="Integrating social work into primary health care for adults: a mixed methods "
            "study",
            doi=None,
            pages="113-120",
        ),
    ),
    "another part": ("different", changed(title=f"{BASE.title}. Part 2", doi=None, pages=None)),
    "another year": ("ask", changed(title=f"{BASE.title}, 2015", year=2015, doi=None, pages=None)),
    "same supplement's DOI": (
        "different",
        changed(title="Sleep in shift workers", authors=(Author("Wu, L"),), pages="S300"),
    ),
    "little known": ("ask", Record(1, title=BASE.title, authors=BASE.authors, year=2014)),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_report_written_otherwise_is_merged(name: str) -> None:
    assert verdict(BASE, SAME[name]).label == "same", verdict(BASE, SAME[name])


@pytest.mark.parametrize("name", NOT_SAME)
def test_what_is_not_the_same_report_is_never_merged(name: str) -> None:
    expected, other = NOT_SAME[name]
    if name == "another part":
        first = changed(title=f"{BASE.title}. Part 1", doi=None, pages=None)
        assert verdict(first, other).label == expected
    elif name == "another year":
        first = changed(title=f"{BASE.title}, 2014", doi=None)
        assert verdict(first, other).label == expected
    else:
        assert verdict(BASE, other).label == expected, verdict(BASE, other)


def test_opposites_are_no_slips_of_the_pen() -> None:
    bare = Record(1, authors=BASE.authors, year=2014)
    for one, other in (
        ("hypertension", "hypotension"),
        ("maternal", "paternal"),
        ("men", "women"),
        ("inpatient", "outpatient"),
    ):
        titles = (f"Effects of a school programme on {word} outcomes" for word in (one, other))
        pair = [replace(bare, title=title) for title in titles]
        assert verdict(*pair).label == "different", (one, other)


def test_editorials_of_two_issues_are_two_and_of_one_page_are_one() -> None:
    editorial = changed(title="Editorial", doi=None, pages=None)
    assert verdict(editorial, replace(editorial, issue="4")).label == "different"
    placed = replace(editorial, pages="1-2")
    assert verdict(placed, replace(placed, authors=(Author("Smith J A"),))).label == "same"


def test_cochrane_versions_are_related() -> None:
    one = changed(doi="10.1002/14651858.cd000001.pub2", pages="CD000001", volume=None)
    assert verdict(one, replace(one, doi="10.1002/14651858.cd000001.pub3")).label == "related"
    assert verdict(one, replace(one, venue="Cochrane Database Syst Rev")).label == "same"


@pytest.mark.parametrize(
    ("title", "twin", "other"),
    [
        (
            "Интеграция социальной работы в здравоохранение детей",
            "ИНТЕГРАЦИЯ СОЦИАЛЬНОЙ РАБОТЫ В ЗДРАВООХРАНЕНИЕ ДЕТЕЙ.",
            "Оценка программы ранней помощи семьям с детьми",
        ),
        (
            "儿童社会工作与初级卫生保健的整合研究",
            "儿童社会工作与初级卫生保健的整合研究。",
            "学校健康教育干预效果评价",
        ),
        (
            "دمج الخدمة الاجتماعية في الرعاية الصحية الأولية للأطفال",
            "دمج الخدمة الاجتماعية في الرعاية الصحية الأولية للأطفال.",
            "تقييم برنامج التدخل المبكر للأسر",
        ),
    ],
)
def test_twins_in_other_scripts_are_found(title: str, twin: str, other: str) -> None:
    record = changed(title=title, doi=None, authors=(Author("Иванов, П. С."),))
    found = deduplicate(
        [
            ("a", record),
            ("b", replace(record, title=twin, issue=None)),
            ("c", replace(record, title=other, pages="200-210")),
        ]
    )
    assert found.groups == (("a", "b"), ("c",))


def test_names_are_understood_whichever_way_they_are_written() -> None:
    for name in ("Zuna, R E", "Zuna RE", "Zuna R. E.", "R. E. Zuna", "Rosemary Zuna", "ZUNA R.E."):
        assert family_name(name)[0] == "zuna", name
    assert family_name("Ludwig van Beethoven")[0] == "vanbeethoven"
    assert family_name("van Beethoven, Ludwig")[0] == "vanbeethoven"


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
    assert kind_of(title.lower()) == kind


# ---- groups


def test_a_person_s_veto_splits_and_stays() -> None:
    same = [("a", "b"), ("b", "c")]
    assert group("abc", same).groups == (("a", "b", "c"),)
    parted = group("abc", same, [("a", "c")])
    assert parted.groups == (("a", "b"), ("c",))
    assert [(refused.a, refused.b, refused.apart) for refused in parted.refused] == [
        ("b", "c", ("c", "a"))
    ]
    # A later record that fits both cannot undo what stood before.
    later = group("abcx", [*same, ("a", "x"), ("c", "x")], [("a", "c")])
    assert later.groups[0][:2] == ("a", "b")
    # What a person joins goes first, and may itself be refused.
    assert group("abc", same, [("a", "b")], forced=[("a", "c")]).groups == (("a", "c"), ("b",))


def test_sides_decided_differently_are_joined_by_a_person_only() -> None:
    standing = {"a": (1, "include"), "b": (2, "exclude")}
    found = group("abc", [("a", "b"), ("b", "c")], standing=standing)
    assert found.groups == (("a",), ("b", "c"))
    assert found.refused[0].why == "standing"
    joined = group("abc", [("b", "c")], forced=[("a", "b")], standing=standing)
    assert joined.groups == (("a", "b", "c"),)
    # The newest counts: a later exclude joins, a later include does not.
    also = {**standing, "c": (3, "exclude")}
    assert group("abc", [("b", "c")], forced=[("a", "b")], standing=also).groups == (
        ("a", "b", "c"),
    )


def test_contradicting_verdicts_are_shown_and_nothing_loops() -> None:
    found = group("abc", [("a", "b"), ("b", "c"), ("a", "c")], [("a", "b"), ("b", "c"), ("a", "c")])
    assert found.groups == (("a",), ("b",), ("c",))
    assert len(found.refused) == 3


def test_no_group_grows_beyond_its_limit() -> None:
    pairs = list(itertools.pairwise(range(30)))
    found = group(range(30), pairs, limit=10)
    assert max(map(len, found.groups)) == 10
    assert all(refused.why == "limit" for refused in found.refused)
    assert sorted(member for members in found.groups for member in members) == list(range(30))


# ---- properties

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


@settings(max_examples=150)
@given(records=st.lists(made(), min_size=2, max_size=9), seed=st.integers(0, 2**32))
def test_any_order_of_arrival_gives_the_same_groups(records: list[Record], seed: int) -> None:
    named = [(str(place), record) for place, record in enumerate(records)]
    shuffled = random.Random(seed).sample(named, len(named))
    first, second = deduplicate(named), deduplicate(shuffled)
    assert {frozenset(keys) for keys in first.groups} == {frozenset(keys) for keys in second.groups}
    assert len(first.pairs) == len(second.pairs)


@settings(max_examples=150)
@given(records=st.lists(made(), min_size=3, max_size=9))
def test_adding_a_record_never_splits_others(records: list[Record]) -> None:
    named = [(str(place), record) for place, record in enumerate(records)]
    before = deduplicate(named[:-1]).groups
    after = deduplicate(named).groups
    for keys in before:
        assert any(set(keys) <= set(others) for others in after)


@settings(max_examples=150)
@given(a=made(), b=made())
def test_a_verdict_does_not_depend_on_who_came_first(a: Record, b: Record) -> None:
    one, other = prepare(a, "a"), prepare(b, "b")
    assert compare(one, other) == compare(other, one)
    if compare(one, other).label == "same":
        assert one.kind == other.kind


@settings(max_examples=100)
@given(title=st.text(max_size=80), name=st.text(max_size=30), pages=st.text(max_size=20))
def test_no_text_breaks_it(title: str, name: str, pages: str) -> None:
    record = Record(1, title=title, authors=(Author(name),), pages=pages, volume=pages, venue=name)
    prepared = prepare(record, "a")
    assert keys_of(prepared) == keys_of(prepare(record, "b"))
    compare(prepared, prepare(replace(record, title=title[::-1]), "b"))


# ---- bad input


def test_thousands_of_authors_and_a_huge_abstract_cost_little() -> None:
    names = tuple(Author(f"Name{place}, A") for place in range(3000))
    record = changed(authors=names, abstract="word " * 20_000, doi=None)
    prepared = prepare(record, "a")
    assert len(prepared.authors) == 60
    assert len(prepared.abstract) <= 300
    assert verdict(record, replace(record, authors=names[:1])).label == "same"


def test_a_thousand_editorials_are_no_giant_group_and_the_reader_is_warned() -> None:
    records = [
        (str(place), Record(1, title="Editorial", year=2015, venue="BMJ", volume="1"))
        for place in range(BUCKET_LIMIT * 3)
    ]
    found = deduplicate(records)
    assert max(map(len, found.groups)) == 1
    assert found.crowded
    assert "first of them only" in found.warnings[0]


def test_copies_without_end_are_capped_and_the_reader_is_warned() -> None:
    found = deduplicate([(str(place), BASE) for place in range(150)])
    assert max(map(len, found.groups)) == 100
    assert "more than 100 records" in found.warnings[-1]


def test_records_without_title_find_each_other_by_id_alone() -> None:
    bare = Record(1, doi="10.1000/abcdef")
    assert deduplicate([("a", bare), ("b", bare), ("c", Record(1))]).groups == (("a", "b"), ("c",))


# ---- labelled sets


def _together(groups: dict[str, list[str]]) -> set[frozenset[str]]:
    return {frozenset(pair) for keys in groups.values() for pair in itertools.combinations(keys, 2)}


def _read(path: Path) -> list[tuple[str, Record]]:
    with path.open("rb") as stream:
        content = read_file(stream, mapping={"accession": "record_id"})
    return [(record.accession or "", record) for record in content.records]


@needs_shared
@pytest.mark.parametrize(
    ("name", "recall"),
    [
        ("cytology_screening", 0.99),
        ("stroke", 0.99),
        ("diabetes", 0.99),
        ("digital_work", 0.99),
        ("tafenoquine", 0.99),
    ],
)
def test_labelled_sets_are_found_and_no_work_is_lost(name: str, recall: float) -> None:
    content = rows(name)
    truth: dict[str, list[str]] = defaultdict(list)
    for row in content:
        truth[row["cluster_id"]].append(row["record_id"])
    found = deduplicate(_read(SETS / f"{name}.csv.gz"))
    assert sum(map(len, found.groups)) == len(content)
    wanted = _together(truth)
    got = _together({str(place): list(keys) for place, keys in enumerate(found.groups)})
    assert got - wanted <= set(LABEL_ERRORS.get(name, {}))
    assert len(got & wanted) / len(wanted) >= recall


@needs_shared
def test_every_hard_class_is_treated_as_the_policy_says() -> None:
    pairs: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows("hard_pairs_synthetic"):
        pairs[row["record_id"][:-1]].append(row)
    merged: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for a, b in pairs.values():
        one, other = prepare(record(a), "a"), prepare(record(b), "b")
        index = Index()
        list(index.add(one))
        met = bool(list(index.add(other)))
        label = compare(one, other).label if met else "different"
        merged[a["case"], a["policy"]][label] += 1
    assert len(merged) == 30
    for (case, policy), labels in merged.items():
        share = labels["same"] / labels.total()
        if case.startswith("D4 "):
            assert labels["ask"] == labels.total(), case
        elif policy == "same":
            assert share >= (0.95 if case.startswith(("D7 ", "D8 ")) else 0.98), (case, labels)
        else:
            assert share == 0, (case, labels)
            if policy == "related":
                assert labels["related"] == labels.total(), (case, labels)
