"""Decisions of other tools through the whole import: who, when, why, and at which stage."""

from __future__ import annotations

import datetime as dt
import io
import json

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.documents.exports import export
from api.protocol import ProtocolBody, Reason, StagePlan
from api.services.reviews import membership, protocols
from api.services.reviews.managing import create_review
from api.services.screening import agreement
from api.services.searching import imported_labels
from api.services.searching.imported_labels import describe
from api.services.searching.importing import ImportOutcome, ImportRequest, import_file
from store.core import audit
from store.core.errors import NotAllowed, NotFound
from store.core.session import ReadSession, Store
from store.reports import record_listing
from store.reports.record_listing import RecordFilter
from store.reports.records import StoredRecord
from store.reports.reports import list_active_reports
from store.reviews import access, imported_people, members, people
from store.reviews.imported_people import ImportedPersonInfo
from store.reviews.people import PersonInfo
from store.reviews.reviews import NewProtocol, NewReview, ReviewInfo
from store.screening import (
    decision_log,
    decisions,
    imported_decisions,
    independent_decisions,
)
from store.screening.decision_log import DecisionInfo
from store.screening.decisions import NewDecision
from store.screening.imported_decisions import ImportedInfo
from store.screening.queue import LeaseRequest
from store.screening.stage_queue import Screener
from tests.api.corpus import until
from tests.api.people import api_client
from tests.api.services.searching.test_takeovers import Slow
from tests.harvest.files.labels import asreview_projects
from tests.shared import CASES, needs_shared
from tests.store import dealing

RAYYAN = """key,title,abstract,notes
rayyan-1,Boots and hearing,Boots.,"RAYYAN-INCLUSION: {""Ann""=>""Included"", ""Ben""=>""Maybe""}\
 | RAYYAN-LABELS: RCT | USER-NOTES: {""Ann""=>[""check arms""]}"
rayyan-2,Meals and school,Meals.,"RAYYAN-INCLUSION: {""Ann""=>""Excluded"", ""Ben""=>""Excluded""}\
 | RAYYAN-EXCLUSION-REASONS: Wrong population,too old"
rayyan-3,Gait and hips,Gait.,"RAYYAN-INCLUSION: {""Ann""=>""Included"", ""Ben""=>""Excluded""}"
rayyan-4,Socks of the north,Socks.,"RAYYAN-INCLUSION: {""Ann""=>""Maybe""}"
rayyan-5,Hats of the south,Hats.,
rayyan-6,Gloves of the east,Gloves.,"RAYYAN-INCLUSION: {""Ben""=>""Unsure""}"
"""


def bring(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    data: str | bytes,
    name: str = "articles.csv",
    labels: str = "decisions",
) -> ImportOutcome:
    raw = data if isinstance(data, bytes) else data.encode()
    request = ImportRequest(labels=labels)
    return import_file(store, review.id, io.BytesIO(raw), name, request, person_id=person.id)


def log_of(store: Store, review: ReviewInfo) -> list[DecisionInfo]:
    with store.read() as session:
        return list(decision_log.list_log(session, review.id, seen_by=None))


def kept(store: Store, review: ReviewInfo, seen_by: int | None = None) -> list[ImportedInfo]:
    with store.read() as session:
        return imported_decisions.list_imported(session, review.id, seen_by=seen_by)


def named(store: Store, review: ReviewInfo) -> dict[str, ImportedPersonInfo]:
    with store.read() as session:
        listed = imported_people.list_imported_people(session, review.id)
    return {each.name: each for each in listed}


def list_all(session: ReadSession, review: ReviewInfo) -> list[StoredRecord]:
    return record_listing.list_records(session, review.id, RecordFilter(), offset=0, limit=100)[1]


def decided(store: Store, review: ReviewInfo) -> dict[str, tuple[str | None, str | None]]:
    """Decision and decider of each record, by its title."""
    with store.read() as session:
        listed = list_all(session, review)
    return {each.record.title or "": (each.decision, each.decided_by) for each in listed}


def exported(store: Store, review: ReviewInfo, file_format: str) -> bytes:
    with store.read() as session:
        return b"".join(export(session, review.id, file_format))


# The shared cases


@needs_shared
@pytest.mark.parametrize(
    ("name", "counts", "full_text", "conflicts_said"),
    [
        ("eppi-export.json", {"include": 1, "exclude": 1}, [], 0),
        ("labels-covidence.ris", {}, [("exclude", ("Wrong outcomes",))], 0),
        ("labels-rayyan-articles.csv", {"include": 1, "exclude": 1, "maybe": 1}, [], 1),
        ("labels-rayyan-export.ris", {"include": 1, "exclude": 1}, [], 0),
    ],
)
def test_the_shared_cases_through_the_whole_import(
    store: Store,
    review: ReviewInfo,
    person: PersonInfo,
    name: str,
    counts: dict[str, int],
    full_text: list[tuple[str, tuple[str, ...]]],
    conflicts_said: int,
) -> None:
    outcome = bring(store, review, person, (CASES / "files" / name).read_bytes(), name)
    words = [entry.decision for entry in log_of(store, review) if entry.counts]
    assert {word: words.count(word) for word in words} == counts
    assert outcome.decisions_added == sum(counts.values())
    assert outcome.taken is not None
    assert outcome.taken.conflicts == conflicts_said
    read = [each for each in kept(store, review) if each.stage == "full-text"]
    assert [(each.decision, each.reasons) for each in read] == full_text


# Rayyan, whole


def test_people_reasons_notes_and_conflicts_of_a_file_are_taken_over(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    body = ProtocolBody(reasons=(Reason(key="pop", text="wrong population"),))
    protocols.save_protocol(store, review.id, NewProtocol(body.stored(), person.id))
    outcome = bring(store, review, person, RAYYAN)
    taken = outcome.taken
    assert taken is not None
    assert (outcome.decisions_added, taken.kept, taken.conflicts) == (3, 7, 1)
    assert taken.people == ("Ann", "Ben")
    assert outcome.unread == {"Unsure": 1}
    assert decided(store, review) == {
        "Boots and hearing": ("include", "Ann"),
        "Meals and school": ("exclude", "Ann"),
        "Gait and hips": (None, None),
        "Socks of the north": ("maybe", "Ann"),
        "Hats of the south": (None, None),
        "Gloves of the east": (None, None),
    }
    first, second, _ = log_of(store, review)
    assert (first.kind, first.note) == ("import", "check arms; labels: RCT")
    # The protocol's own reason, and one that it does not have.
    assert second.reasons == ("pop", "too old")
    everything = kept(store, review)
    assert [(each.person, each.decision) for each in everything][:2] == [
        ("Ann", "include"),
        ("Ben", "maybe"),
    ]
    assert everything[2].reasons == ("Wrong population", "too old")


def test_a_file_that_is_imported_again_doubles_nothing(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bring(store, review, person, RAYYAN)
    before = log_of(store, review), kept(store, review)
    again = bring(store, review, person, RAYYAN)
    assert (again.repeated, again.decisions_added) == (True, 0)
    assert again.taken is not None
    # What counts already is this very file's, so the team took precedence over nothing.
    assert (again.taken.kept, again.taken.decided_already) == (0, 0)
    # The same decisions in another file: a later export of the same review.
    other = bring(store, review, person, RAYYAN.replace("Hats of the south", "Hats of the West"))
    assert other.repeated is False
    assert (log_of(store, review)[:3], kept(store, review)[:7]) == before


def test_decisions_can_be_taken_over_after_the_records(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    assert bring(store, review, person, RAYYAN, labels="ignore").decisions_added == 0
    assert log_of(store, review) == []
    again = bring(store, review, person, RAYYAN)
    assert (again.repeated, again.decisions_added) == (True, 3)


def test_what_was_taken_over_is_no_note_of_the_record_that_everybody_sees(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bring(store, review, person, RAYYAN)
    for file_format in ("ris", "csv", "jsonl"):
        text = exported(store, review, file_format).decode()
        assert "RAYYAN" not in text
        # The conflict is Ann's and Ben's, and the record is still to be screened.
        assert "Ben" not in text


def test_the_teams_decision_takes_precedence_over_the_files(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    bring(store, review, person, RAYYAN, labels="ignore")
    with store.read() as session:
        listed = list_all(session, review)
    meals = next(each for each in listed if each.record.title == "Meals and school")
    with store.write() as session:
        new = NewDecision("own", meals.report_id, "include")
        decisions.record_decision(session, review.id, person.id, new)
    outcome = bring(store, review, person, RAYYAN)
    assert outcome.taken is not None
    assert (outcome.decisions_added, outcome.taken.decided_already) == (2, 1)
    # A file may have decided it, too, so that no message names the team.
    assert "1 record decided already: those decisions stay" in describe(outcome.taken, {})
    assert decided(store, review)["Meals and school"] == ("include", person.name)


def test_copies_in_a_file_with_different_decisions_stay_apart_until_a_person_says_more(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    row = (
        "{key},Boots and early hearing loss in recruits,Recruits wear boots.,2020,"
        '"Luts, Anna",10.5555/same.1,"RAYYAN-INCLUSION: {{""Ann""=>""{word}""}}"\n'
    )
    data = "key,title,abstract,year,authors,doi,notes\n" + "".join(
        row.format(key=f"rayyan-{number}", word=word)
        for number, word in enumerate(("Included", "Excluded", "Excluded"), start=1)
    )
    outcome = bring(store, review, person, data)
    assert (outcome.copies, outcome.decisions_added) == (1, 3)
    with store.read() as session:
        assert sorted(each.decision or "" for each in list_all(session, review)) == [
            "exclude",
            "include",
        ]


# Imported people


def test_a_name_in_a_file_is_nobody_who_can_sign_in_even_if_an_account_has_it(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    with store.write() as session:
        ann = people.create_person(session, "Ann")
    bring(store, review, person, RAYYAN)
    imported = named(store, review)
    assert set(imported) == {"Ann", "Ben"}
    assert imported["Ann"].id != ann.id
    with store.read() as session:
        assert imported["Ben"].id not in {each.id for each in people.list_people(session)}
        with pytest.raises(NotFound):
            people.get_person(session, imported["Ben"].id)
        with pytest.raises(NotFound):
            people.get_person_by_name(session, "Ben")
    with store.write() as session:
        link = people.create_login_link(session, imported["Ben"].id, valid=dt.timedelta(hours=1))
        with pytest.raises(NotFound):
            people.redeem_login_link(session, link)
        _, secret = people.create_token(session, imported["Ben"].id, "t")
        assert access.find_access_by_token(session, secret, None) is None
        for role in ("reviewer", "owner"):
            with pytest.raises(NotFound):
                members.add_member(session, review.id, imported["Ben"].id, role, by=None)  # type: ignore[arg-type] # a role


def test_a_lead_maps_an_imported_person_to_a_member_and_takes_it_back(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    bring(store, review, person, RAYYAN)
    ann = named(store, review)["Ann"]
    assert (ann.decisions, ann.tool, ann.member) == (4, "Rayyan", None)
    with pytest.raises(NotAllowed):
        membership.map_imported_person(store, review.id, ann.id, bo.id, by=bo.id)
    with pytest.raises(NotFound):
        membership.map_imported_person(store, review.id, ann.id, 2**40, by=person.id)
    with pytest.raises(NotFound):
        membership.map_imported_person(store, review.id, bo.id, bo.id, by=person.id)
    membership.map_imported_person(store, review.id, ann.id, bo.id, by=person.id)
    assert named(store, review)["Ann"].member == "bo"
    assert decided(store, review)["Boots and hearing"] == ("include", "bo")
    assert [entry.person for entry in log_of(store, review)] == ["bo"] * 3
    rows = [json.loads(line) for line in exported(store, review, "jsonl").splitlines()]
    assert {row.get("decided_by") for row in rows} == {"bo", None}
    membership.map_imported_person(store, review.id, ann.id, None, by=person.id)
    assert decided(store, review)["Boots and hearing"] == ("include", "Ann")
    with store.read() as session:
        events = audit.list_events(session, review.id)
    mapped = [event.detail for event in events if event.action == "person.mapped"]
    assert mapped == [
        {"imported": ann.id, "member": None, "before": bo.id},
        {"imported": ann.id, "member": bo.id, "before": None},
    ]


def test_imported_decisions_enter_no_agreement_lease_plan_or_count_of_people(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    body = ProtocolBody(plans=(StagePlan(dual_share=1.0),))
    protocols.save_protocol(store, review.id, NewProtocol(body.stored(), person.id))
    bring(store, review, person, RAYYAN)
    for each, member in zip(("Ann", "Ben"), (person, bo), strict=True):
        imported = named(store, review)[each]
        membership.map_imported_person(store, review.id, imported.id, member.id, by=person.id)
    with store.read() as session:
        reports = independent_decisions.list_screened(session, review.id)
        assert independent_decisions.list_first_decisions(reports) == []
        work = independent_decisions.count_work(reports)
        assert (work.people, work.single, work.together, work.imported) == (0, 0, {}, 3)
        assert agreement.measure_agreement(session, review.id).pairs == ()
        assert independent_decisions.find_first_and_last(session, review.id) is None
    # The file's conflict is no conflict of the team's: the record goes to two people, these two.
    with store.read() as session:
        listed = list_all(session, review)
    gait = next(each for each in listed if each.record.title == "Gait and hips")
    for member in (person, bo):
        with store.write() as session:
            request = LeaseRequest(number=5, valid=dt.timedelta(hours=1))
            dealt = dealing.lease_cards(session, Screener(review.id, member.id), [], request)
        assert gait.report_id in {place.report_id for place in dealt}


# Blindness


def test_nobody_reads_a_files_decisions_on_a_record_that_awaits_decisions(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    bring(store, review, person, RAYYAN)
    ann = named(store, review)["Ann"]
    membership.map_imported_person(store, review.id, ann.id, person.id, by=person.id)
    with store.read() as session:
        listed = list_all(session, review)
    gait = next(each for each in listed if each.record.title == "Gait and hips").report_id

    def seen(reader: PersonInfo) -> list[str | None]:
        return [each.person for each in kept(store, review, reader.id) if each.report_id == gait]

    assert seen(bo) == []
    # As with decisions made here, a member sees their own.
    assert seen(person) == [person.name]
    with store.write() as session:
        decisions.record_decision(session, review.id, bo.id, NewDecision("t", gait, "include"))
    assert seen(bo) == [person.name, "Ben"]


# Stages, times, other tools


def test_full_text_decisions_are_kept_apart_and_open_records_stay_open(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    data = (
        "Title,Abstract,Covidence #,Study,Notes,Tags\n"
        'Boots,Text.,#1,Luts 2020,"Exclusion reason: Wrong outcomes; ",\n'
    )
    outcome = bring(store, review, person, data, "review_1_excluded_csv_2024.csv")
    assert outcome.taken is not None
    assert (outcome.decisions_added, outcome.taken.full_text, outcome.labelled) == (0, 1, 1)
    assert log_of(store, review) == []
    assert decided(store, review) == {"Boots": (None, None)}
    (made,) = kept(store, review)
    assert (made.stage, made.decision, made.person) == ("full-text", "exclude", None)


def test_a_full_text_decision_comes_back_in_exports_at_its_own_stage(
    store: Store, review: ReviewInfo, other_review: ReviewInfo, person: PersonInfo
) -> None:
    data = (
        "title,abstract,decision,decided_by,full_text_decision,full_text_decided_by,"
        "full_text_reasons\nBoots,Text.,include,Ann,exclude,Ben,too old\n"
        "Meals,Text.,,,exclude,Ben,too old\n"
    )
    bring(store, review, person, data, "export.csv")
    assert decided(store, review) == {"Boots": ("include", "Ann"), "Meals": (None, None)}
    for file_format in ("csv", "ris", "bib", "jsonl"):
        text = exported(store, review, file_format)
        # Nothing is said about a record that still needs decisions.
        assert text.count(b"too old") >= 1
        assert text.count(b"Ben") == 1
    bring(store, other_review, person, exported(store, review, "ris"), "export.ris")
    assert decided(store, other_review)["Boots"] == ("include", "Ann")
    read = [each for each in kept(store, other_review) if each.stage == "full-text"]
    assert [(each.decision, each.person, each.reasons) for each in read] == [
        ("exclude", "Ben", ("too old",))
    ]


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "ris", "bib", "jsonl"])
@pytest.mark.parametrize("labels", ["ignore", "decisions"])
def test_the_labels_that_a_file_had_come_back_as_they_were(
    store: Store,
    review: ReviewInfo,
    other_review: ReviewInfo,
    person: PersonInfo,
    file_format: str,
    labels: str,
) -> None:
    bring(store, review, person, "title,included\nBoots,1\nMeals,0\nHats,\n", labels="ignore")
    with store.read() as session:
        listed = list_all(session, review)
    reports = {each.record.title: each.report_id for each in listed}
    with store.write() as session:
        for title in ("Boots", "Meals", "Hats"):
            # For one record this is what its file said, for the others it is not.
            new = NewDecision(title, reports[title], "include")
            decisions.record_decision(session, review.id, person.id, new)
    data = exported(store, review, file_format)
    bring(store, other_review, person, data, f"export.{file_format}", labels=labels)
    back = [json.loads(line) for line in exported(store, other_review, "jsonl").splitlines()]
    assert {row["title"]: row.get("file_label") for row in back} == {
        "Boots": "include",
        "Meals": "exclude",
        "Hats": None,
    }


def test_times_and_people_of_an_asreview_project_are_kept(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    outcome = bring(store, review, person, asreview_projects.project(3), "boots.asreview")
    assert (outcome.batch.format, outcome.decisions_added) == ("asreview", 2)
    first, second = log_of(store, review)
    assert (first.person, first.decided_at) == (
        "ASReview user 7",
        dt.datetime(2025, 3, 1, 10, tzinfo=dt.UTC),
    )
    assert (second.person, second.decision) == ("ASReview user 8", "exclude")
    with store.read() as session:
        listed = list_all(session, review)
    assert listed[0].decided_at == dt.datetime(2025, 3, 1, 10, tzinfo=dt.UTC)


def test_labels_that_name_nobody_are_the_importers_and_without_a_time_none_is_invented(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    data = "title,abstract,included\nA,a,1\nB,b,0\nC,c,maybe\nD,d,-1\nE,e,Unsure\n"
    outcome = bring(store, review, person, data, "labels.csv")
    assert outcome.decisions_added == 3
    assert outcome.unread == {"Unsure": 1}
    assert decided(store, review)["C"] == ("maybe", person.name)
    with store.read() as session:
        listed = list_all(session, review)
    assert {each.decided_at for each in listed} == {None}
    assert b"decided_at" not in exported(store, review, "jsonl")


def test_a_known_study_is_one_that_the_file_says_is_relevant(
    store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    assert bring(store, review, person, RAYYAN, labels="gold").gold_added == 1


@pytest.fixture
def other_review(store: Store, person: PersonInfo) -> ReviewInfo:
    new = NewReview("other", "Other", ProtocolBody().stored())
    return create_review(store, new, person_id=person.id)


@pytest.mark.parametrize("file_format", ["csv", "ris", "jsonl", "bib", "xlsx"])
def test_every_export_of_ours_is_read_back_with_its_decisions(
    store: Store,
    review: ReviewInfo,
    other_review: ReviewInfo,
    person: PersonInfo,
    file_format: str,
) -> None:
    bring(store, review, person, RAYYAN)
    data = exported(store, review, file_format)
    outcome = bring(store, other_review, person, data, f"export.{file_format}")
    assert outcome.taken is not None
    assert (outcome.taken.tool, outcome.decisions_added) == ("Winnow", 3)
    assert decided(store, other_review) == decided(store, review)
    if file_format != "xlsx":
        # And once more, from there: nothing piles up.
        again = exported(store, other_review, file_format)
        assert again.count(b"Ann") == data.count(b"Ann")


# The API


def test_the_api_says_what_was_taken_over_and_maps_people(
    store: Store, app: FastAPI, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    client = api_client(app, store, person)
    base = f"/api/v1/reviews/{review.slug}"
    files = {"file": ("articles.csv", RAYYAN.encode())}
    answer = client.post(f"{base}/files", files=files, data={"labels": "decisions"})
    assert answer.status_code == 201, answer.text
    out = answer.json()
    assert out["not_understood"] == {"Unsure": 1}
    assert (out["taken_over"]["tool"], out["taken_over"]["conflicts"]) == ("Rayyan", 1)
    listed = client.get(f"{base}/imported-people").json()
    assert [each["name"] for each in listed] == ["Ann", "Ben"]
    address = f"{base}/imported-people/{listed[0]['id']}"
    mapped = client.put(address, json={"member": bo.id}).json()
    assert mapped[0]["member"] == "bo"
    assert client.put(address, json={}).status_code == 422
    assert api_client(app, store, bo).put(address, json={"member": None}).status_code == 403
    decisions_in_files = client.get(f"{base}/imported-decisions").json()
    assert {each["person"] for each in decisions_in_files} == {"bo", "Ben"}


def test_a_decision_that_was_undone_stays_undone_when_its_file_comes_again(
    store: Store, review: ReviewInfo, person: PersonInfo, bo: PersonInfo
) -> None:
    plain = "title,abstract,included\nBoots,Boots.,1\nMeals,Meals.,0\n"
    assert bring(store, review, person, plain).decisions_added == 2
    (boots, _) = log_of(store, review)
    with store.write() as session:
        decisions.undo_decision(session, review.id, person.id, boots.id, token="u")
        members.add_member(session, review.id, bo.id, "manager", by=person.id)
    # Another person's name would be on it, so the token is taken: that ends no import.
    for who in (person, bo):
        assert bring(store, review, who, plain).decisions_added == 0
    assert decided(store, review)["Boots"] == (None, None)


@pytest.mark.parametrize("labels", ["ignore", "gold"])
def test_decisions_that_were_notes_are_hidden_once_they_are_taken_over(
    store: Store, review: ReviewInfo, person: PersonInfo, labels: str
) -> None:
    bring(store, review, person, RAYYAN, labels=labels)
    assert b"RAYYAN" in exported(store, review, "jsonl")
    bring(store, review, person, RAYYAN)
    with store.read() as session:
        listed = list_all(session, review)
    assert not [each for each in listed if "RAYYAN" in f"{each.record.notes} {each.record.extra}"]
    # Ann and Ben differ on this one, so it is still to be screened by people who do not know that.
    assert b"Ben" not in exported(store, review, "jsonl")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_decision_that_a_person_is_just_making_takes_precedence_over_a_file(
    store: Store, review: ReviewInfo, person: PersonInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite one transaction writes at a time."""
    file = "title,included\nSocks of the north,1\n"
    bring(store, review, person, file, labels="ignore")
    with store.read() as session:
        (report,) = list_active_reports(session, review.id)
    outcomes: list[ImportOutcome] = []
    slow = Slow(monkeypatch, (imported_labels, "_decide"))
    slow.start(lambda: outcomes.append(bring(store, review, person, file)))

    def is_waiting() -> bool:
        waits = text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with store.read() as session:
            return bool(session.scalar(waits))

    with store.write() as session:
        own = NewDecision(token="own", report_id=report, decision="exclude")
        decisions.record_decision(session, review.id, person.id, own)
        slow.go_on()
        until(is_waiting)
    slow.finish()
    assert decided(store, review) == {"Socks of the north": ("exclude", person.name)}
    taken = outcomes[0].taken
    assert taken is not None
    assert (taken.decisions, taken.decided_already) == (0, 1)
