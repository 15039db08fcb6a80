"""The blind reviewer: what others think changes nothing that anybody sees who is still to decide.

Two worlds differ only in what one person decided, noted, tagged and did in bulk on records that
others are still to decide. Everybody else asks every address in both; the answers are the same.
"""

from __future__ import annotations

import re
from pathlib import Path

from fastapi.testclient import TestClient

from api.app import create_app
from api.protocol import ProtocolBody, Question, Reason, StagePlan
from api.services.ranking import Ranker
from api.services.setup import open_store
from api.settings import Settings
from harvest.record import Record
from store import bulk, decisions, marks, members, people, records, reviews
from store.bulk import Action
from store.decisions import NewDecision
from store.records import Filter
from tests.api.test_access import address_of, ways
from tests.api.test_team import browser
from tests.conftest import token_of
from tests.store.made import content, store_content

SECOND_WORLD = {"include": "exclude", "exclude": "include", "maybe": "exclude"}
NOTE = "what-bo-thinks-of-it"
WORDS = list(
    enumerate("one two three four five six seven eight nine ten eleven twelve".split(), start=1)
)
# Moments, tokens of forms and of the audit chain are of one world.
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
    """Make a world; gives, by person, what each address answers them."""
    store = open_store(settings, create=True, first_person="ada").store
    with store.write() as session:
        (ada,) = people.everyone(session)
        review = reviews.create(
            session, slug="r", title="R", protocol=PROTOCOL.stored(), person_id=ada.id
        )
        named = {"ada": ada}
        for name, role in (
            ("bo", "manager"),
            ("cy", "reviewer"),
            ("di", "adjudicator"),
            ("vi", "viewer"),
        ):
            named[name] = people.create(session, name)
            members.add(session, review.id, named[name].id, role, by=ada.id)  # type: ignore[arg-type] # a role
    made = content([Record(position=n, title=f"Study {w}", abstract=w) for n, w in WORDS])
    batch = store_content(store, review.id, made)
    with store.read() as session:
        reports = list(records.reports_of_batch(session, batch).values())
    bo, cy = named["bo"].id, named["cy"].id

    def decide(person: int, report: int, word: str, *, same: bool = False) -> None:
        with store.write() as session:
            said = SECOND_WORLD[word] if second and not same else word
            note = None if same else f"{NOTE} {said}"
            given = _given(said, second=second and not same)
            new = NewDecision(f"{person} {report}", report, said, note=note, **given)
            decisions.record(session, review.id, person, new)

    for report, word in zip(reports[:4], ("include", "exclude") * 2, strict=True):
        decide(bo, report, word, same=True)
        decide(cy, report, word, same=True)
    for report, word in zip(reports[4:7], ("include", "exclude", "maybe"), strict=True):
        decide(bo, report, word)
    with store.write() as session:
        for kind in ("tag", "note", "star"):
            marks.add(session, review.id, bo, reports[5 if second else 4], kind, NOTE)
        title = "eight" if second else "seven"
        tag = Action("tag", f"{NOTE} 2" if second else NOTE)
        bulk.act(session, review.id, bo, Filter(text=title), tag, token="bulk tag")
        out = Action("decide", "maybe" if second else "exclude", NOTE)
        bulk.act(session, review.id, bo, Filter(text="eleven"), out, token="bulk out")
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


def test_what_others_think_changes_nothing_that_anybody_sees(tmp_path: Path) -> None:
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
