"""Duplicates of a review over the API: counts, questions, what persons say of pairs."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Path, Query

from api import schemas_duplicates as schemas
from api.deps import PersonDep, ReviewDep, ScreenDep, StateDep
from api.routes import views
from api.schemas import RecordOut
from api.services import deduplicating
from api.services.alike import alike
from api.services.dedupe_report import report_of
from store import overlap, pairs, records, reports, studies

router = APIRouter(tags=["duplicates"])

IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/reviews/{slug}/duplicates")
def get_duplicates(state: StateDep, review: ReviewDep) -> schemas.DuplicatesOut:
    """Counts, merged pairs by rule, expected errors, and the sources beside each other."""
    with state.store.read() as session:
        report = report_of(session, review.id)
        found = overlap.overlap(session, review.id)
        questions = deduplicating.questions(session, review.id)
    return schemas.DuplicatesOut(
        **{
            name: getattr(report, name)
            for name in ("records", "reports", "duplicates", "related", "waiting", "words")
        },
        studies=report.studies.studies,
        included_reports=report.studies.included_reports,
        included_studies=report.studies.included_studies,
        questions=len(questions),
        rules=[schemas.RuleOut.model_validate(rule) for rule in report.rules],
        expected_false_pairs=report.false_pairs[0],
        expected_false_pairs_95=report.false_pairs[1],
        expected_copies_left=report.copies_left[0],
        sources=[schemas.SourceCountsOut.model_validate(each) for each in found.sources],
        combinations=[
            schemas.CombinationOut(sources=list(key), reports=number)
            for key, number in found.combinations
        ],
    )


@router.get("/reviews/{slug}/duplicates/questions")
def list_questions(state: StateDep, review: ReviewDep) -> list[schemas.QuestionOut]:
    """Pairs that a person must look at, most at stake first."""
    with state.store.read() as session:
        found = deduplicating.questions(session, review.id)
    return [
        schemas.QuestionOut(
            kind=each.kind,
            pair=schemas.PairOut.model_validate(each.pair),
            reports=list(each.reports),
            decisions=list(each.decisions),
        )
        for each in found
    ]


@router.post("/reviews/{slug}/duplicates/pairs")
def judge_pair(
    state: StateDep, person: PersonDep, review: ScreenDep, body: schemas.JudgementIn
) -> schemas.ChangedOut:
    """Say what two records are to each other; it outlives every later run."""
    with state.store.write() as session:
        changes = deduplicating.judge(session, review.id, **body.model_dump(), person_id=person.id)
    state.wake()
    return _changed(changes)


@router.post("/reviews/{slug}/duplicates/pairs/{pair_id}/undo")
def undo_pair(
    state: StateDep, person: PersonDep, review: ScreenDep, pair_id: IdPath
) -> schemas.ChangedOut:
    """Take back what a person said of two records."""
    with state.store.write() as session:
        changes = deduplicating.undo(session, review.id, pair_id, person_id=person.id)
    state.wake()
    return _changed(changes)


@router.get("/reviews/{slug}/records/{record_id}/alike")
def list_alike(
    state: StateDep,
    review: ReviewDep,
    record_id: IdPath,
    q: Annotated[str, Query(max_length=500)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> list[RecordOut]:
    """Records that one may be the same as: by similar titles, or those with the words ``q``.

    Nothing is merged by looking; ``POST …/duplicates/pairs`` says that two are one report.
    """
    with state.store.read() as session:
        found = alike(session, review.id, record_id, words=q.replace("\x00", ""), limit=limit)
        return [views.record(each) for each in found]


@router.get("/reviews/{slug}/records/{record_id}/copies")
def get_copies(state: StateDep, review: ReviewDep, record_id: IdPath) -> schemas.CopiesOut:
    """The report of a record: its representative, where each value is from, and all records."""
    with state.store.read() as session:
        stored = records.by_id(session, review.id, record_id)
        copies = records.of_report(session, review.id, stored.report_id)
        shown = records.composed(copies)
        said = pairs.live_of(session, [copy.id for copy in copies])
    return schemas.CopiesOut(
        report=stored.report_id,
        shown=views.record(shown),
        origins=dict(shown.origins),
        records=[views.record(copy) for copy in copies],
        pairs=[schemas.PairOut.model_validate(pair) for pair in said],
    )


@router.post("/reviews/{slug}/records/{record_id}/split")
def split_record(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    record_id: IdPath,
    body: schemas.SplitIn,
) -> schemas.ChangedOut:
    """Take a record out of its report for good."""
    with state.store.write() as session:
        changes = deduplicating.split(
            session, review.id, record_id, reason=body.reason, person_id=person.id
        )
    state.wake()
    return _changed(changes)


@router.post("/reviews/{slug}/records/{record_id}/studies", status_code=201)
def join_study(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    record_id: IdPath,
    body: schemas.StudyIn,
) -> schemas.StudyOut:
    """Say that a record's report is of a named study; it may be of several."""
    with state.store.write() as session:
        number = studies.add(session, review.id, record_id, body.name, person_id=person.id)
    return schemas.StudyOut(study_id=number, name=" ".join(body.name.split()))


@router.delete("/reviews/{slug}/records/{record_id}/studies/{study_id}", status_code=204)
def leave_study(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    record_id: IdPath,
    study_id: IdPath,
) -> None:
    """Take a record's report out of a study."""
    with state.store.write() as session:
        studies.remove(session, review.id, record_id, study_id, person_id=person.id)


def _changed(changes: list[reports.Change]) -> schemas.ChangedOut:
    return schemas.ChangedOut(
        reports=[schemas.ChangeOut(**dataclasses.asdict(change)) for change in changes]
    )
