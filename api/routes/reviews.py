"""Reviews, protocols, searches, files, records, gold lists and evaluation."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Path, Query, UploadFile

from api import schemas
from api.deps import LeadDep, PersonDep, ReviewDep, ScreenDep, StateDep
from api.protocol import ProtocolBody
from api.routes import views
from api.services import comparing, evaluation, explaining
from api.services.importing import ImportRequest, import_file
from harvest.files.read import fingerprint
from harvest.identifiers import clean_doi, clean_pmid
from harvest.text import fold
from store import audit, gold, jobs, pool, records, reviews, searches
from store.errors import NotFound
from store.marks import Marked

router = APIRouter(tags=["reviews"])
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/reviews")
def list_reviews(state: StateDep, person: PersonDep) -> list[schemas.ReviewOut]:
    """The reviews that you are of, with their counts, oldest first."""
    with state.store.read() as session:
        return [views.review(session, info) for info in reviews.of_person(session, person.id)]


@router.post("/reviews", status_code=201)
def create_review(state: StateDep, person: PersonDep, body: schemas.ReviewIn) -> schemas.ReviewOut:
    """Make a review with version 1 of its protocol."""
    with state.store.write() as session:
        info = reviews.create(
            session,
            slug=body.slug,
            title=body.title,
            protocol=body.protocol.stored(),
            person_id=person.id,
        )
        return views.review(session, info)


@router.get("/reviews/{slug}")
def get_review(state: StateDep, review: ReviewDep) -> schemas.ReviewOut:
    """A review with its counts."""
    with state.store.read() as session:
        return views.review(session, review)


@router.patch("/reviews/{slug}/settings")
def change_settings(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.SettingsIn
) -> schemas.ReviewOut:
    """Change settings of a review: audited, not versioned."""
    with state.store.write() as session:
        reviews.set_settings(session, review.id, body.settings, person_id=person.id)
        return views.review(session, reviews.by_id(session, review.id))


@router.get("/reviews/{slug}/protocol")
def get_protocol(state: StateDep, review: ReviewDep) -> schemas.ProtocolOut:
    """The newest version of the protocol."""
    with state.store.read() as session:
        return schemas.ProtocolOut.model_validate(reviews.protocol(session, review.id))


@router.get("/reviews/{slug}/protocol/versions")
def list_protocols(state: StateDep, review: ReviewDep) -> list[schemas.ProtocolOut]:
    """All versions of the protocol, newest first."""
    with state.store.read() as session:
        found = reviews.protocols(session, review.id)
        return [schemas.ProtocolOut.model_validate(version) for version in found]


@router.put("/reviews/{slug}/protocol")
def put_protocol(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.ProtocolIn
) -> schemas.ProtocolOut:
    """Make a new version of the protocol; the same text again makes none."""
    with state.store.write() as session:
        before = ProtocolBody.model_validate(reviews.protocol(session, review.id).body)
        kept = body.body.model_copy(update={"known_relevant": before.known_relevant})
        reviews.add_protocol(
            session,
            review.id,
            kept.stored(),
            person_id=person.id,
            reason=body.reason,
            based_on=body.based_on,
        )
        found = schemas.ProtocolOut.model_validate(reviews.protocol(session, review.id))
    state.wake()
    return found


@router.get("/reviews/{slug}/searches")
def list_searches(state: StateDep, review: ReviewDep) -> list[schemas.SearchOut]:
    """All searches with their files, oldest first."""
    with state.store.read() as session:
        return [views.search(info) for info in searches.everything(session, review.id)]


@router.post("/reviews/{slug}/searches", status_code=201)
def create_search(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.SearchIn
) -> schemas.SearchOut:
    """Open a search that files are imported into."""
    with state.store.write() as session:
        search_id = searches.create(
            session,
            review.id,
            kind="file",
            person_id=person.id,
            fields=body.model_dump(exclude_none=True),
        )
        return views.search(searches.by_id(session, review.id, search_id))


@router.patch("/reviews/{slug}/searches/{search_id}")
def edit_search(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    search_id: IdPath,
    body: schemas.SearchIn,
) -> schemas.SearchOut:
    """State what was not stated of a search, or mend it."""
    with state.store.write() as session:
        fields = body.model_dump(exclude_unset=True)
        searches.edit(session, review.id, search_id, fields, person_id=person.id)
        session.flush()
        # The day of a search says whether its records wait in the pool.
        pool.restate(session, review.id)
        return views.search(searches.by_id(session, review.id, search_id))


@router.post("/reviews/{slug}/files", status_code=201)
def upload_file(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    file: Annotated[UploadFile, File(description="A file of records.")],
    search: Annotated[
        str, Form(description="JSON of a search to open, as POST /searches takes it.")
    ] = "{}",
    search_id: Annotated[
        int | None, Form(ge=1, le=2**63 - 1, description="An open search, instead.")
    ] = None,
    mapping: Annotated[str, Form(description="JSON: field to column name, for tables.")] = "{}",
    labels: Annotated[str, Form(description="ignore, gold or decisions.")] = "ignore",
) -> schemas.ImportOut:
    """Import a file at once: read whole, stored in one transaction, or refused."""
    fingerprint(file.file, limit=state.settings.upload_limit)
    request = ImportRequest(
        search_id=search_id,
        search_fields=schemas.SearchIn.model_validate(_json(search, "search")).model_dump(
            exclude_none=True
        ),
        mapping={str(key): str(value) for key, value in _json(mapping, "mapping").items()},
        labels=labels,
    )
    name = (file.filename or "upload").replace("\x00", "")
    outcome = import_file(state.store, review.id, file.file, name, request, person_id=person.id)
    state.wake()
    return views.imported(outcome)


def _json(text: str, name: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"{name} must be a JSON object")
    return data


@router.get("/reviews/{slug}/files/{file_id}/rejected")
def list_rejected(state: StateDep, review: ReviewDep, file_id: IdPath) -> list[schemas.RejectedOut]:
    """Entries of a file that are no records, with the reasons."""
    with state.store.read() as session:
        searches.batch(session, review.id, file_id)
        found = searches.rejected(session, file_id)
        return [schemas.RejectedOut.model_validate(entry) for entry in found]


@router.post("/reviews/{slug}/files/{file_id}/withdraw")
def withdraw_file(
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    file_id: IdPath,
    body: schemas.WithdrawIn,
) -> schemas.WithdrawOut:
    """Take a wrong file back: its records leave the counts, decisions stay readable."""
    with state.store.write() as session:
        gone = searches.withdraw(
            session, review.id, file_id, reason=body.reason, person_id=person.id
        )
    state.wake()
    return schemas.WithdrawOut(reports_withdrawn=gone)


@router.get("/reviews/{slug}/records")
def list_records(
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    q: Annotated[str, Query(max_length=500, description="Words in title, abstract, ids.")] = "",
    decision: Annotated[str | None, Query(pattern="^(include|exclude|maybe|undecided)$")] = None,
    flag: Annotated[str | None, Query(pattern="^(no-abstract|no-title)$")] = None,
    search_id: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    standing: Annotated[str, Query(pattern="^(counts|filtered|waiting|withdrawn)$")] = "counts",
    tag: Annotated[str, Query(max_length=60, pattern=r"^[^\x00]*$")] = "",
    star: bool = False,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> schemas.RecordPage:
    """Records, searched and filtered, in the order they came."""
    wanted = records.Filter(
        text=fold(q),
        decision=decision,
        flag=flag,
        search_id=search_id,
        standing=standing,
        marked=Marked(person.id, tag, star) if tag or star else None,
    )
    with state.store.read() as session:
        total, found = records.listing(session, review.id, wanted, offset=offset, limit=limit)
        return schemas.RecordPage(
            total=total, offset=offset, records=[views.record(each) for each in found]
        )


@router.get("/reviews/{slug}/records/{record_id}")
def get_record(state: StateDep, review: ReviewDep, record_id: IdPath) -> schemas.RecordOut:
    """One record."""
    with state.store.read() as session:
        return views.record(records.by_id(session, review.id, record_id))


@router.post("/reviews/{slug}/records/{record_id}/explanation", status_code=202)
def ask_why(state: StateDep, review: ScreenDep, record_id: IdPath) -> schemas.AskedOut:
    """Ask the worker why a record stands where it does; the answer is at the same address."""
    with state.store.write() as session:
        stored = records.by_id(session, review.id, record_id)
        job = jobs.begin(session, review.id, "explanation")
    state.jobs.explain(review.id, stored.report_id, job)
    return schemas.AskedOut(job=job)


@router.get("/reviews/{slug}/records/{record_id}/explanation")
def get_explanation(state: StateDep, review: ReviewDep, record_id: IdPath) -> dict[str, Any]:
    """What each view adds to a record's score, as it was asked for last.

    ``current`` is false where decisions came since.
    """
    with state.store.read() as session:
        stored = records.by_id(session, review.id, record_id)
        found = explaining.kept(session, review.id, stored.report_id)
    if found is None:
        raise NotFound("nobody has asked for an explanation of this record; POST here to ask")
    return {"report": stored.report_id, "current": found.current, **found.body}


@router.get("/reviews/{slug}/gold")
def list_gold(state: StateDep, review: LeadDep) -> list[schemas.GoldOut]:
    """Known relevant records with their uses."""
    with state.store.read() as session:
        found = gold.everything(session, review.id)
        return [schemas.GoldOut.model_validate(info) for info in found]


@router.post("/reviews/{slug}/gold", status_code=201)
def add_gold(
    state: StateDep, person: PersonDep, review: LeadDep, body: schemas.GoldListIn
) -> schemas.AddedOut:
    """Add known relevant records."""
    chosen = [
        gold.NewGold(
            title=each.title,
            year=each.year,
            doi=clean_doi(each.doi),
            pmid=clean_pmid(each.pmid),
            search_use=each.search_use,
            ranking_use=each.ranking_use,
            tags=each.tags,
        )
        for each in body.records
    ]
    with state.store.write() as session:
        added = gold.add(session, review.id, chosen, list_name=body.name, person_id=person.id)
    state.wake()
    return schemas.AddedOut(added=added)


@router.get("/reviews/{slug}/evaluation")
def get_evaluation(state: StateDep, review: LeadDep) -> dict[str, Any]:
    """Search recall and screening recall against the gold list; each says what it may claim."""
    with state.store.read() as session:
        return evaluation.as_json(evaluation.evaluate(session, review.id))


@router.post("/reviews/{slug}/evaluation/comparison", status_code=202)
def ask_for_comparison(state: StateDep, review: LeadDep) -> schemas.AskedOut:
    """Ask the worker to replay the review by its own pipeline and by ELAS u4."""
    with state.store.write() as session:
        job = jobs.begin(session, review.id, comparing.KIND)
    state.jobs.compare_orders(review.id, job)
    return schemas.AskedOut(job=job)


@router.get("/reviews/{slug}/evaluation/comparison")
def get_comparison(state: StateDep, review: LeadDep) -> dict[str, Any]:
    """Places at which replays reached the known relevant records, as it was asked for last."""
    with state.store.read() as session:
        found = comparing.kept(session, review.id)
    if found is None:
        raise NotFound("nobody has asked for a comparison yet; POST here to ask")
    return comparing.as_json(found)


@router.get("/reviews/{slug}/audit")
def get_audit(state: StateDep, review: LeadDep) -> list[dict[str, Any]]:
    """Newest events of the audit trail, newest first."""
    with state.store.read() as session:
        return [
            {
                "id": event.id,
                "at": event.at.isoformat(),
                "person": event.person,
                "action": event.action,
                "detail": dict(event.detail),
            }
            for event in audit.events(session, review.id)
        ]
