from __future__ import annotations

import itertools
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.labelled import LABEL_ERRORS, SETS, rows
from harvest.dedupe.keys import BUCKET_LIMIT
from harvest.dedupe.run import deduplicate
from harvest.files.read import read_file
from harvest.record import Author, Record
from tests.harvest.dedupe.records import BASE, changed, made
from tests.shared import needs_shared


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


def test_a_thousand_editorials_are_no_giant_group_and_the_reader_is_warned() -> None:
    records = [
        (str(place), Record(1, title="Editorial", year=2015, venue="BMJ", volume="1"))
        for place in range(BUCKET_LIMIT * 3)
    ]
    found = deduplicate(records)
    assert max(map(len, found.groups)) == 1
    assert found.crowded
    assert "only with the first" in found.warnings[0]


def test_copies_without_end_are_capped_and_the_reader_is_warned() -> None:
    found = deduplicate([(str(place), BASE) for place in range(150)])
    assert max(map(len, found.groups)) == 100
    assert "more than 100 records" in found.warnings[-1]


def test_records_without_title_find_each_other_by_id_alone() -> None:
    bare = Record(1, doi="10.1000/abcdef")
    assert deduplicate([("a", bare), ("b", bare), ("c", Record(1))]).groups == (("a", "b"), ("c",))


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
