"""Decisions in files of other tools: read with people and times, and nothing is invented."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest.files.labels import asreview, covidence, eppi, own_exports, rayyan
from harvest.files.labels.file_labels import FileLabels, read_labels, strip_labels
from harvest.files.labels.judgement import (
    Judgement,
    find_agreed,
    is_conflict,
    parse_decision,
    parse_time,
)
from harvest.record import Record
from tests.harvest.reading import read
from tests.shared import CASES, IMPORTS, needs_shared


def labels_of(data: str | bytes, name: str = "file") -> FileLabels:
    content = read(data)
    return read_labels(content.records, name, content.columns)


def stands(labels: FileLabels, stage: str = "title-abstract") -> dict[int, str]:
    """The decision that stands for each record at a stage, by position."""
    agreed = {at: labels.find_agreed(at, stage) for at in labels.by_position}
    return {at: one.decision for at, one in agreed.items() if one is not None}


def one(labels: FileLabels, position: int = 1) -> Judgement:
    (judgement,) = labels.by_position[position]
    return judgement


def rayyan_record(*notes: str) -> Record:
    return Record(position=1, title="Boots", notes=notes)


# The shared cases


@needs_shared
@pytest.mark.case("files")
@pytest.mark.parametrize(
    ("name", "stage", "right", "conflicts"),
    [
        ("eppi-export.json", "title-abstract", {1: "include", 2: "exclude"}, 0),
        ("labels-covidence.ris", "full-text", {1: "exclude"}, 0),
        (
            *("labels-rayyan-articles.csv", "title-abstract"),
            *({1: "include", 2: "exclude", 4: "maybe"}, 1),
        ),
        ("labels-rayyan-export.ris", "title-abstract", {1: "include", 2: "exclude"}, 0),
    ],
)
def test_the_shared_cases_are_read_right(
    name: str, stage: str, right: dict[int, str], conflicts: int
) -> None:
    labels = labels_of((CASES / "files" / name).read_bytes(), name)
    assert stands(labels, stage) == right
    assert labels.conflicts == conflicts
    assert labels.unread == {}
    other = "full-text" if stage == "title-abstract" else "title-abstract"
    assert stands(labels, other) == {}


@needs_shared
def test_reasons_and_people_of_the_shared_cases_are_read() -> None:
    files = CASES / "files"
    labels = labels_of((files / "labels-covidence.ris").read_bytes())
    assert one(labels).reasons == ("Wrong outcomes",)
    labels = labels_of((files / "eppi-export.json").read_bytes())
    assert one(labels, 2).reasons == ("EXCLUDE on date",)
    labels = labels_of((files / "labels-rayyan-articles.csv").read_bytes())
    assert labels.people == ("Ann", "Ben")
    assert labels.by_position[1][0].note == "check arms"
    assert labels.by_position[1][1].note is None
    assert labels.by_position[2][0].reasons == ("wrong population", "background article")


@needs_shared
def test_a_number_of_rayyan_is_no_accession_number() -> None:
    (record,) = read((CASES / "files" / "labels-covidence.ris").read_bytes()).records
    assert (record.accession, record.pmid) == (None, None)
    assert record.extra["AN"] == "rayyan-1"


@needs_shared
def test_real_notes_of_asreview_are_read_inside_text_and_markup() -> None:
    labels = labels_of((IMPORTS / "asreview" / "baseline_tag-notes_labels.ris").read_bytes())
    assert labels.tool == "ASReview"
    content = read((IMPORTS / "asreview" / "baseline_tag-notes_labels.ris").read_bytes())
    for record in content.records:
        title = record.title or ""
        relevant = 'labeled "relevant"' in title
        right = "include" if relevant else "exclude" if 'labeled "irrelevant"' in title else None
        found = labels.find_agreed(record.position)
        assert (found.decision if found else None) == right, title
        assert record.label == right
    labels = labels_of((IMPORTS / "asreview-datatools" / "dataset_1.ris").read_bytes())
    assert sorted(stands(labels).values()) == ["exclude"] * 3 + ["include"]


# Rayyan


@pytest.mark.parametrize(
    ("note", "right"),
    [
        (
            'RAYYAN-INCLUSION: {"Ada"=>"Included", "Ben"=>"Maybe"}',
            {"Ada": "include", "Ben": "maybe"},
        ),
        # Blind mode: only the person who exports is named.
        ('RAYYAN-INCLUSION: {"Ada"=>"Excluded"}', {"Ada": "exclude"}),
        ('RAYYAN-INCLUSION: {"Zoë O\\"Neil"=>"Included"}', {'Zoë O"Neil': "include"}),
        ('RAYYAN-INCLUSION: {"俊"=>"Excluded"}', {"俊": "exclude"}),
        # The form of older exports.
        ('RAYYAN-INCLUSION: {"Ada"=>true, "Ben"=>false}', {"Ada": "include", "Ben": "exclude"}),
        ("RAYYAN-INCLUSION: Included", {None: "include"}),
        ('Epub ahead. | RAYYAN-INCLUSION: {"Ada"=>"Included"}', {"Ada": "include"}),
        # As BibTeX holds it.
        ('RAYYAN-INCLUSION: {\\"Ada\\"=\\>\\"Excluded\\"}', {"Ada": "exclude"}),
        ('RAYYAN-INCLUSION: {"Ada"=>"Undecided"}', {}),
    ],
)
def test_rayyans_inclusion_is_read_by_person(note: str, right: dict[str | None, str]) -> None:
    reading = rayyan.read(rayyan_record(note))
    assert {made.person: made.decision for made in reading.judgements} == right
    assert reading.unread == ()


def test_rayyans_bibtex_is_read_as_it_is_written_and_not_as_latex() -> None:
    labels = labels_of(
        '@article{rayyan-1, title={Boots}, note={RAYYAN-INCLUSION: {"Ann"=>"Included"}}}\n'
        "@article{rayyan-2, title={Meals}, note={RAYYAN-INCLUSION: "
        '{\\"Ann\\"=\\>\\"Excluded\\"} | RAYYAN-EXCLUSION-REASONS: wrong dose}}\n'
    )
    assert stands(labels) == {1: "include", 2: "exclude"}
    assert labels.people == ("Ann",)
    assert one(labels, 2).reasons == ("wrong dose",)


def test_rayyans_other_notes_belong_to_their_people_and_decisions() -> None:
    reading = rayyan.read(
        rayyan_record(
            'RAYYAN-INCLUSION: {"Ada"=>"Excluded", "Ben"=>"Included"} | '
            "RAYYAN-EXCLUSION-REASONS: wrong population,__EXR__background article | "
            "RAYYAN-LABELS: RCT,military | "
            'USER-NOTES: {"Ben"=>["check arms", "ask [Ada]"], "Cy"=>["no vote"]}'
        )
    )
    ada, ben = reading.judgements
    assert (ada.reasons, ada.note) == (("wrong population", "background article"), None)
    assert (ben.reasons, ben.note) == ((), "check arms; ask [Ada]")
    assert ada.labels == ben.labels == ("RCT", "military")


def test_what_somebody_quotes_in_a_note_is_no_decision() -> None:
    quoted = 'USER-NOTES: {"Ben"=>["was RAYYAN-INCLUSION: {\\"Eve\\"=>\\"Included\\"} before"]}'
    assert rayyan.read(rayyan_record(quoted)).judgements == ()
    both = f'RAYYAN-INCLUSION: {{"Ben"=>"Excluded"}} | {quoted}'
    reading = rayyan.read(rayyan_record(both))
    assert [(made.person, made.decision) for made in reading.judgements] == [("Ben", "exclude")]


def test_values_of_rayyan_that_are_not_understood_are_counted() -> None:
    labels = labels_of(
        "key,title,notes\n"
        'r-1,A,"RAYYAN-INCLUSION: {""Ada""=>""Unsure""}"\n'
        'r-2,B,"RAYYAN-INCLUSION: {""Ada""=>""Unsure""}"\n'
        'r-3,C,"RAYYAN-INCLUSION: {""Ada""=>""Included""}"\n'
    )
    assert labels.unread == {"Unsure": 2}
    assert stands(labels) == {3: "include"}


def test_two_decisions_of_one_person_on_one_record_are_none() -> None:
    reading = rayyan.read(
        rayyan_record(
            'RAYYAN-INCLUSION: {"Ada"=>"Included"}', 'RAYYAN-INCLUSION: {"Ada"=>"Excluded"}'
        )
    )
    assert (reading.judgements, reading.unread) == ((), ("two decisions of one person",))


# Covidence

COVIDENCE = (
    "Title,Authors,Abstract,Published Year,Published Month,Journal,Volume,Issue,Pages,"
    "Accession Number,DOI,Ref,Covidence #,Study,Notes,Tags\n"
    'Boots,"Luts, A",Text.,2020,,Health,1,1,1-2,,10.5555/c.1,1,#12,Luts 2020,{notes},SRH; RCT\n'
)


@pytest.mark.parametrize(
    ("name", "notes", "stage", "decision", "reasons"),
    [
        ("review_123_select_csv_20240303.csv", "", "title-abstract", "include", ()),
        ("review_123_irrelevant_csv_20240303.csv", "", "title-abstract", "exclude", ()),
        ("review_123_included_csv_20240303.csv", "", "full-text", "include", ()),
        (
            *("review_123_excluded_csv_20240303.csv", "Exclusion reason: Wrong study design; "),
            *("full-text", "exclude", ("Wrong study design",)),
        ),
        # The reason alone is enough: only full texts have one.
        ("mine.csv", "Exclusion reason: Wrong dose; ", "full-text", "exclude", ("Wrong dose",)),
    ],
)
def test_covidences_exports_are_read_by_stage(
    name: str, notes: str, stage: str, decision: str, reasons: tuple[str, ...]
) -> None:
    labels = labels_of(COVIDENCE.format(notes=notes), name)
    made = one(labels)
    assert (made.stage, made.decision, made.reasons) == (stage, decision, reasons)
    assert made.labels == ("SRH", "RCT")
    # A reason shows the decision; without one, the name alone does.
    assert labels.by_name == (not reasons)


def test_without_a_name_or_a_reason_covidence_says_nothing() -> None:
    assert labels_of(COVIDENCE.format(notes=""), "mine.csv").by_position == {}


def test_a_name_like_covidences_says_nothing_of_other_files() -> None:
    assert labels_of("title,abstract\nBoots,Text.\n", "included.csv").by_position == {}
    assert covidence.find_outcome("included_and_excluded.csv") is None


# EPPI-Reviewer


def attribute(number: int, name: str, kind: str, *below: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"AttributeId": number, "AttributeName": name, "AttributeType": kind}
    return made | ({"Attributes": {"AttributesList": list(below)}} if below else {})


def eppi_file(codes: list[dict[str, Any]], *sets: Mapping[str, Any], **item: Any) -> str:
    reference = {"ItemId": 7, "Title": "Boots", "Codes": codes, **item}
    return json.dumps({"CodeSets": list(sets), "References": [reference]})


NONE = "Not selectable (no checkbox)"
SCREEN = {
    "SetName": "Screening",
    "SetId": 1,
    "Attributes": {
        "AttributesList": [
            attribute(
                *(10, "Title and abstract", NONE),
                attribute(11, "INCLUDE for retrieval", "Include"),
                attribute(12, "EXCLUDE on date", "Exclude"),
                attribute(13, "INCLUDE for second opinion", "Include"),
            ),
            attribute(
                *(20, "Full text", NONE),
                attribute(21, "EXCLUDE on outcome", "Exclude"),
                attribute(22, "INCLUDE", "Include"),
            ),
            attribute(30, "EXCLUDE on full report: language", "Exclude"),
            attribute(40, "Country", "Selectable (show checkbox)"),
        ]
    },
}


@pytest.mark.parametrize(
    ("codes", "first", "second"),
    [
        ([11], {1: "include"}, {}),
        ([12, 40], {1: "exclude"}, {}),
        ([13], {1: "maybe"}, {}),
        ([11, 21], {1: "include"}, {1: "exclude"}),
        ([22], {}, {1: "include"}),
        ([30], {}, {1: "exclude"}),
        ([40], {}, {}),
        ([999], {}, {}),
    ],
)
def test_eppis_codes_are_read_by_kind_and_stage(
    codes: list[int], first: dict[int, str], second: dict[int, str]
) -> None:
    labels = labels_of(eppi_file([{"AttributeId": code} for code in codes], SCREEN))
    assert labels.tool == "EPPI-Reviewer"
    assert (stands(labels), stands(labels, "full-text")) == (first, second)


def test_eppis_codes_of_both_kinds_are_not_understood() -> None:
    labels = labels_of(eppi_file([{"AttributeId": 11}, {"AttributeId": 12}], SCREEN))
    assert labels.by_position == {}
    assert labels.unread == {"codes to include and to exclude": 1}


def test_a_code_marked_in_a_full_text_belongs_to_that_stage_if_no_name_says_otherwise() -> None:
    plain = {
        "SetName": "Screen",
        "Attributes": {"AttributesList": [attribute(1, "EXCLUDE", "Exclude")]},
    }
    details = [{"Text": "Page 5: none", "IsFromPDF": True}]
    code = {"AttributeId": 1, "AdditionalText": "x", "ItemAttributeFullTextDetails": details}
    made = one(labels_of(eppi_file([code], plain)))
    assert (made.stage, made.note, made.reasons) == ("full-text", "x", ("EXCLUDE",))
    assert one(labels_of(eppi_file([{"AttributeId": 1}], plain))).stage == "title-abstract"


def test_a_reference_excluded_without_a_code_is_counted() -> None:
    labels = labels_of(eppi_file([], SCREEN, ItemStatus="E"))
    assert labels.unread == {"excluded from the review, without a code": 1}


def test_eppis_fields_become_those_of_a_record() -> None:
    content = read(
        eppi_file(
            [],
            *(),
            **{"Authors": "Atlas M C; ", "ParentTitle": "J Med Libr", "Year": "2004"},
            **{"Month": "April", "Pages": "242-250", "Keywords": "Authorship\r\nHumans"},
            **{"TypeName": "Journal, Article", "DOI": "10.5555/e.1", "OldItemId": "15098054"},
        )
    )
    (record,) = content.records
    assert content.format == "eppi-json"
    assert [author.name for author in record.authors] == ["Atlas M C"]
    assert (record.venue, record.year, record.date) == ("J Med Libr", 2004, "2004 April")
    assert (record.keywords, record.types) == (("Authorship", "Humans"), ("Journal, Article",))
    assert (record.doi, record.pmid, record.accession) == ("10.5555/e.1", None, None)
    assert record.extra["OldItemId"] == "15098054"


def test_eppis_ris_has_the_codes_that_teams_write_into_it() -> None:
    head = "TY  - JOUR\nT1  - Boots\nKW  - eppi-reviewer\n"
    labels = labels_of(f"{head}KW  - EXCLUDE on date\nU1  - 7\nER  - \n")
    assert (labels.tool, one(labels).reasons) == ("EPPI-Reviewer", ("EXCLUDE on date",))
    labels = labels_of(f"{head}N1  - INCLUDE on full text\nER  - \n")
    assert stands(labels, "full-text") == {1: "include"}
    labels = labels_of(f"{head}N1  - Exclude nobody from care\nER  - \n")
    assert labels.by_position == {}


# ASReview


def test_asreviews_table_has_people_times_tags_and_notes() -> None:
    labels = labels_of(
        "title,included,asreview_label,asreview_time,asreview_note,asreview_user_name,"
        "asreview_tag_design_rct\n"
        "A,0,1,2025-03-01 10:00:00,key paper,Ann,1\n"
        "B,1,0,1740823200.5,,Ben,0\n"
        "C,1,,,,,\n"
        "D,1,-1,,,,\n"
        "E,1,7,,,,\n"
    )
    assert labels.tool == "ASReview"
    first = one(labels, 1)
    assert (first.decision, first.person, first.note) == ("include", "Ann", "key paper")
    assert first.labels == ("design_rct",)
    assert first.decided_at == dt.datetime(2025, 3, 1, 10, tzinfo=dt.UTC)
    assert one(labels, 2).decided_at == dt.datetime(2025, 3, 1, 10, 0, 0, 500_000, dt.UTC)
    assert stands(labels) == {1: "include", 2: "exclude"}
    assert labels.unread == {"7": 1}


def test_asreviews_ris_notes_carry_its_columns_as_json() -> None:
    labels = labels_of(
        "TY  - JOUR\nTI  - A\nN1  - ASReview_relevant\nN1  - asreview_time: 1740823200.0\n"
        'N1  - asreview_note: "key \\"paper\\""\nN1  - asreview_user_name: "Ann"\nER  - \n'
        "TY  - JOUR\nTI  - B\nKW  - ASReview_irrelevant\nER  - \n"
        "TY  - JOUR\nTI  - C\nN1  - ASReview_not_seen\nER  - \n"
        "TY  - JOUR\nTI  - D\nN1  - ASReview_relevant\nN1  - ASReview_irrelevant\nER  - \n"
    )
    first = one(labels)
    assert (first.person, first.note) == ("Ann", 'key "paper"')
    assert first.decided_at == dt.datetime(2025, 3, 1, 10, tzinfo=dt.UTC)
    assert stands(labels) == {1: "include", 2: "exclude"}
    assert labels.unread == {"relevant and irrelevant": 1}


# Winnow


def test_winnows_own_tables_are_read_with_people_times_and_stages() -> None:
    labels = labels_of(
        "title,decision,decided_by,decided_at,stage,note,reasons\n"
        "A,include,Ann,2026-01-02T03:04:05+00:00,title-abstract,fine,\n"
        "B,maybe,Ben,,,,\n"
        'C,exclude,Ben,,full-text,,"too old; no control"\n'
        "D,undecided,,,,,\n"
        "E,later,,,,,\n"
        "F,exclude,,,third-stage,,\n"
    )
    assert labels.tool == "Winnow"
    assert stands(labels) == {1: "include", 2: "maybe"}
    assert stands(labels, "full-text") == {3: "exclude"}
    assert one(labels).decided_at == dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    assert (one(labels).person, one(labels).note) == ("Ann", "fine")
    assert one(labels, 3).reasons == ("too old", "no control")
    assert labels.unread == {"later": 1, "stage third-stage": 1}


def test_winnows_own_ris_and_json_lines_are_read_with_both_stages() -> None:
    labels = labels_of(
        "TY  - JOUR\nTI  - A\nN1  - Winnow decision: include\nN1  - Winnow decided by: Ann\n"
        "N1  - Winnow decided at: 2026-01-02T03:04:05Z\nN1  - Winnow decision: exclude\n"
        "N1  - Winnow stage: full-text\nN1  - Winnow reason: too old\n"
        "N1  - Winnow reason: no control\nN1  - Winnow note: see p. 2\nER  - \n"
    )
    first, second = labels.by_position[1]
    assert (first.decision, first.person, first.stage) == ("include", "Ann", "title-abstract")
    assert (second.decision, second.stage, second.note) == ("exclude", "full-text", "see p. 2")
    assert second.reasons == ("too old", "no control")
    line = {
        **{"title": "A", "decision": "maybe", "decided_by": "Ann", "note": "fine"},
        **{"full_text_decision": "exclude", "full_text_reasons": ["too old; really"]},
    }
    first, second = labels_of(json.dumps(line)).by_position[1]
    assert (first.decision, first.person, first.note) == ("maybe", "Ann", "fine")
    assert (second.stage, second.reasons) == ("full-text", ("too old; really",))


def test_winnows_own_bibtex_is_read() -> None:
    labels = labels_of(
        "@article{a, title = {A}, winnow_decision = {maybe}, winnow_decided_by = {Ann}}\n"
        "@article{b, title = {B}, winnow_decision = {undecided}}\n"
    )
    assert (one(labels).decision, one(labels).person) == ("maybe", "Ann")
    assert stands(labels) == {1: "maybe"}


# What is taken over is not kept as a note


@pytest.mark.parametrize(
    ("tool", "data", "left"),
    [
        (
            "Rayyan",
            'title,notes\nA,"Epub. | RAYYAN-INCLUSION: {""Ann""=>""Included""} | '
            'USER-NOTES: {""Ann""=>[""a | b""]}"\n',
            ("Epub.",),
        ),
        ("Rayyan", '@article{a, title={A}, note={RAYYAN-INCLUSION: {"Ann"=>"Maybe"}}}', ()),
        (
            "Covidence",
            "TY  - JOUR\nTI  - A\nU1  - 1[Covidence]\n"
            "N1  - Exclusion reason: Ann says no; see p. 2\nER  - \n",
            ("see p. 2",),
        ),
        (
            "ASReview",
            "TY  - JOUR\nTI  - A\nN1  - ASReview_relevant\nN1  - asreview_user_name: "
            '"Ann"\nN1  - Mine\nER  - \n',
            ("Mine",),
        ),
        (
            "Winnow",
            "TY  - JOUR\nTI  - A\nN1  - Winnow decision: include\n"
            "N1  - Winnow decided by: Ann\nN1  - Mine\nER  - \n",
            ("Mine",),
        ),
        (
            "EPPI-Reviewer",
            "TY  - JOUR\nTI  - A\nKW  - eppi-reviewer\nKW  - EXCLUDE on Ann\nN1  - Mine\nER  - \n",
            ("Mine",),
        ),
    ],
)
def test_what_a_tool_wrote_is_taken_out_of_the_record(
    tool: str, data: str, left: tuple[str, ...]
) -> None:
    content = read(data)
    labels = read_labels(content.records, "x", content.columns)
    assert labels.tool == tool
    plain = strip_labels(content.records[0], tool)
    assert plain.notes == left
    assert "Ann" not in repr(plain)
    assert plain.title == "A"


# Plain labels


def test_plain_labels_are_decisions_of_nobody_and_other_values_are_counted() -> None:
    labels = labels_of("title,included\nA,yes\nB,0\nC,maybe\nD,-1\nE,\nF,Unsure\nG,Unsure\n")
    assert labels.tool is None
    assert stands(labels) == {1: "include", 2: "exclude", 3: "maybe"}
    assert labels.unread == {"Unsure": 2}
    assert labels.people == ()


# What holds whatever a file says

TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            [
                *(
                    "RAYYAN-INCLUSION:",
                    "USER-NOTES:",
                    "RAYYAN-LABELS:",
                    '"Ada"',
                    "=>",
                    '"Included"',
                ),
                *("{", "}", "[", "]", '"', "\\", " | ", "true", "Exclusion reason:", ";", "\n"),
                *(
                    "ASReview_relevant",
                    "asreview_time: ",
                    "Winnow decision:",
                    " include",
                    "EXCLUDE",
                ),
            ]
        ),
        max_size=14,
    ).map("".join),
)
EXTRA = st.dictionaries(
    st.sampled_from(
        [
            *("asreview_label", "asreview_time", "asreview_tags", "eppi_codes", "Covidence #"),
            *("decision", "decided_by", "decided_at", "stage", "reasons", "RAYYAN-INCLUSION"),
            *("Tags", "U1", "ItemStatus", "full_text_decision", "winnow_decision"),
        ]
    ),
    TEXT,
    max_size=6,
)
RECORDS = st.builds(
    Record,
    position=st.just(1),
    title=st.just("Boots"),
    notes=st.lists(TEXT, max_size=4).map(tuple),
    keywords=st.lists(TEXT, max_size=2).map(tuple),
    extra=EXTRA,
    label=st.sampled_from([None, "include", "exclude"]),
)


@settings(max_examples=300, deadline=None)
@given(RECORDS, st.text(max_size=20), st.sampled_from([{}, {"label": "decision"}]))
def test_hostile_values_never_raise(record: Record, name: str, columns: dict[str, str]) -> None:
    labels = read_labels([record], name, columns)
    assert labels.conflicts in (0, 1)
    for made in labels.by_position.get(1, ()):
        assert made.decision in ("include", "exclude", "maybe")
        assert made.stage in ("title-abstract", "full-text")
        assert made.decided_at is None or made.decided_at.tzinfo is dt.UTC


# Each mark has one of these characters, and Hypothesis knows the marks from the code.
PLAIN = st.text(st.characters(exclude_characters="_-[:c"), max_size=60)


@settings(max_examples=200, deadline=None)
@given(st.lists(PLAIN, max_size=4), st.dictionaries(PLAIN, PLAIN, max_size=4))
def test_text_without_a_tools_marks_says_nothing(notes: list[str], extra: dict[str, str]) -> None:
    record = Record(position=1, title="Boots", notes=tuple(notes), extra=extra)
    assert read_labels([record]) == FileLabels()


@given(TEXT)
def test_each_reader_alone_survives_any_note(note: str) -> None:
    record = rayyan_record(note)
    for read_one in (rayyan.read, eppi.read, asreview.read, own_exports.read):
        read_one(record)
    covidence.read(record, None)


@given(st.text(max_size=30))
def test_any_time_is_read_or_none(value: str) -> None:
    time = parse_time(value)
    assert time is None or time.utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize(
    "value", ["", "2020", "1e400", "nan", "-5", "0001-01-01T00:00:00+14:00", "9" * 400, "yesterday"]
)
def test_what_is_no_time_is_none(value: str) -> None:
    assert parse_time(value) is None


@pytest.mark.parametrize("value", ["Unsure", "2", "in", "kept", "yes?", "no idea", "excl"])
def test_words_that_are_not_plain_are_not_understood(value: str) -> None:
    assert parse_decision(value) is None


def test_maybe_and_include_agree_and_an_exclude_against_either_is_a_conflict() -> None:
    include, exclude, maybe = Judgement("include"), Judgement("exclude"), Judgement("maybe", "Ann")
    agreed = find_agreed([maybe, include])
    assert agreed is not None
    assert agreed.decision == "include"
    assert find_agreed([maybe]) == maybe
    assert find_agreed([maybe, exclude]) is None
    assert is_conflict([include, exclude])
    assert not is_conflict([])
    assert not is_conflict([include, Judgement("exclude", stage="full-text")])
