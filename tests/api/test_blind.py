"""Blind screening: nothing that a person sees before deciding depends on what others think.

Two reviews differ only in what one person decided, noted, tagged and did in bulk on records that
others still have to decide. Everyone else calls every address in both; the answers must be equal.
"""

from __future__ import annotations

import re
from pathlib import Path

from fastapi.testclient import TestClient

from api.app import create_app
from api.protocol import ProtocolBody, Question, Reason, StagePlan
from api.services.ranking.ranker import Ranker
from api.services.reviews.opening import open_store
from api.settings import Settings
from harvest.record import Record
from store.reports import marks, records
from store.reports.marks import NewMark
from store.reports.record_listing import RecordFilter
from store.reviews import imported_people, members, people, reviews
from store.reviews.reviews import NewReview
from store.screening import bulk, decisions, imported_decisions
from store.screening.bulk import BulkAction, BulkRequest
from store.screening.decisions import NewDecision
from store.screening.imported_decisions import NewImported
from tests.api.people import browser
from tests.api.ways import address_of, ways
from tests.conftest import token_of
from tests.store.builders import content, store_content

SECOND_WORLD = {"include": "exclude", "exclude": "include", "maybe": "exclude"}
NOTE = "what-bo-thinks-of-it"
WORDS = list(
    enumerate("one two three four five six seven eight nine ten eleven twelve".split(), start=1)
)
# Times, form tokens and hashes of the audit chain differ between the two.
_OWN = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00| UTC)?"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}"
    r"|\"(seconds|fit_seconds)\": ?[0-9.e-]+"
)
PROTOCOL = ProtocolBody(
    questions=(Question(key="a", text="Which?"), Question(key="b", text="Does it work?")),
    per_question=True,
    reasons=(Reason(key="r1", text="population"), Reason(key="r2", text="setting")),
    plans=(StagePlan(dual_share=1.0),),
)


def _given(word: str, *, second: bool) -> dict[str, tuple[str, ...]]:
    if word == "exclude":
        return {"reasons": ("r2",) if second else ("r1",)}
    return {"questions": ("b",) if second else ("a",)}


def world(settings: Settings, *, second: bool) -> dict[str, dict[str, str]]:
    """Make one of the two; returns what each address answers each person."""
    store = open_store(settings, create=True, first_person="ada").store
    with store.write() as session:
        (ada,) = people.list_people(session)
        review = reviews.create_review(
            session, NewReview("r", "R", PROTOCOL.stored()), person_id=ada.id
        )
        named = {"ada": ada}
        for name, role in (
            ("bo", "manager"),
            ("cy", "reviewer"),
            ("di", "adjudicator"),
            ("vi", "viewer"),
        ):
            named[name] = people.create_person(session, name)
            members.add_member(session, review.id, named[name].id, role, by=ada.id)  # type: ignore[arg-type] # a role
    made = content([Record(position=n, title=f"Study {w}", abstract=w) for n, w in WORDS])
    batch = store_content(store, review.id, made)
    with store.read() as session:
        reports = list(records.get_reports_by_position(session, batch).values())
    bo, cy = named["bo"].id, named["cy"].id

    def decide(person: int, report: int, word: str, *, same: bool = False) -> None:
        with store.write() as session:
            said = SECOND_WORLD[word] if second and not same else word
            note = None if same else f"{NOTE} {said}"
            given = _given(said, second=second and not same)
            new = NewDecision(f"{person} {report}", report, said, note=note, **given)
            decisions.record_decision(session, review.id, person, new)

    for report, word in zip(reports[:4], ("include", "exclude") * 2, strict=True):
        decide(bo, report, word, same=True)
        decide(cy, report, word, same=True)
    for report, word in zip(reports[4:7], ("include", "exclude", "maybe"), strict=True):
        decide(bo, report, word)
    with store.write() as session:
        for kind in ("tag", "note", "star"):
            marks.add_mark(session, review.id, bo, reports[5 if second else 4], NewMark(kind, NOTE))
        title = "eight" if second else "seven"
        tag = BulkAction(kind="tag", value=f"{NOTE} 2" if second else NOTE)
        request = BulkRequest(filters=RecordFilter(text=title), action=tag, token="bulk tag")
        bulk.apply_action(session, review.id, bo, request)
        out = BulkAction(kind="decide", value="maybe" if second else "exclude", note=NOTE)
        request = BulkRequest(filters=RecordFilter(text="eleven"), action=out, token="bulk out")
        bulk.apply_action(session, review.id, bo, request)
    # What a file says that people decided, one of whom is Bo: on open records, at both stages.
    with store.write() as session:
        imported = imported_people.find_or_create_people(
            session, review.id, ["Bo in Rayyan", "Eve"], tool="Rayyan"
        )
        imported_people.map_person(
            session, review.id, imported["Bo in Rayyan"], bo, by=named["ada"].id
        )
        for stage in ("title-abstract", "full-text"):
            imported_decisions.add_imported(
                session,
                review.id,
                batch,
                [
                    NewImported(
                        position=position,
                        person_id=person,
                        stage=stage,
                        decision="exclude" if second else "include",
                        note=f"{NOTE} {second}",
                    )
                    for position in (5, 8)
                    for person in imported.values()
                ],
            )
    Ranker(store, settings).rank(review.id)

    app = create_app(settings, store)
    answers: dict[str, dict[str, str]] = {}
    for name in ("ada", "cy", "di", "vi"):
        client = browser(app, store, named[name])
        seen = answers[name] = {}
        every = client.get("/api/v1/reviews/r/records").json()["records"]
        listed = [each for each in every if each["report"] in reports[3:7]]
        for way in ways(app):
            if way.method != "GET" or "{slug}" not in way.path:
                continue
            paths = [address_of(way, "r")]
            if "{record_id}" in way.path:
                paths = [
                    way.path.replace("{slug}", "r").replace("{record_id}", str(each["id"]))
                    for each in listed
                ]
            for path in paths:
                seen[path] = _same(client, path)
        for path in (
            "/reviews/r/records?q=five&decision=include",
            "/reviews/r/records?decision=exclude",
            f"/reviews/r/records?tag={NOTE}",
            "/reviews/r/records?star=true",
            "/api/v1/reviews/r/exports/csv?which=include",
            f"/api/v1/reviews/r/records?tag={NOTE}",
            "/reviews/r/rescreens?decision=exclude",
            "/reviews/r/screen?again=true",
        ):
            seen[path] = _same(client, path)
        headers = {"authorization": f"Bearer {token_of(store, named[name].id)}"}
        dealt = client.post("/api/v1/reviews/r/queue/next", json={"n": 20}, headers=headers)
        seen["queue"] = _OWN.sub("", dealt.text)
    store.close()
    return answers


def _same(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code < 500, path
    return f"{answer.status_code} {_OWN.sub('', answer.text)}"


def test_decisions_of_others_change_nothing_that_a_blind_reviewer_sees(tmp_path: Path) -> None:
    found = []
    for second in (False, True):
        folder = tmp_path / str(second)
        folder.mkdir()
        settings = Settings(data_dir=folder, pipeline="elas-u4", allowed_hosts=("127.0.0.1",))
        found.append(world(settings, second=second))
    one, other = found
    asked = 0
    for name, answers in one.items():
        assert answers.keys() == other[name].keys()
        for path, answer in answers.items():
            assert NOTE not in answer or f"tag={NOTE}" in path, f"{path} to {name}"
            assert answer == other[name][path], f"{path} to {name}"
            asked += answer.startswith("200")
    assert asked > 200
