"""Duplicates of a review over the API: counts, questions, and what people say about pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from api.deps import ReadRequest, ScreenRequest
from api.routes import figures
from api.schemas.duplicates import (
    ChangedOut,
    ChangeOut,
    CombinationOut,
    CopiesOut,
    DuplicatesOut,
    JudgementIn,
    PairOut,
    QuestionOut,
    SplitIn,
    StudyIn,
)
from api.schemas.records import RecordOut
from api.services.duplicates import judging, questions, studies
from api.services.duplicates.dedupe_report import DedupeReport
from api.services.duplicates.judging import Judgement
from api.services.duplicates.similar_records import find_similar_records
from api.services.duplicates.studies import NamedStudy
from api.services.reporting.stored_results import DUPLICATES
from api.types import IdPath
from store.reports import pairs, records
from store.reports.overlap import Overlap
from store.reports.reports import ReportChange

router = APIRouter(tags=["duplicates"])


@router.get("/reviews/{slug}/duplicates", response_model=DuplicatesOut, responses=figures.NOT_READY)
def get_duplicates(request: ReadRequest) -> DuplicatesOut | JSONResponse:
    """Counts, merged pairs by rule, expected errors, and a comparison of the sources."""
    found = figures.get_figures(request, DUPLICATES)
    if found.value is None:
        return figures.not_ready(found)
    with request.store.read() as session:
        open_questions = questions.count_questions(session, request.review.id).total()
        waiting = pairs.count_uncompared_records(session, request.review.id)
    report = replace(found.value.report, waiting=waiting)
    out = _duplicates(report, found.value.overlap, open_questions)
    return out.model_copy(update={"worked_out": found.worked_out})


def _duplicates(report: DedupeReport, counts: Overlap, open_questions: int) -> DuplicatesOut:
    return DuplicatesOut(
        records=report.records,
        reports=report.reports,
        duplicates=report.duplicates,
        related=report.related,
        studies=report.studies.studies,
        included_reports=report.studies.included_reports,
        included_studies=report.studies.included_studies,
        waiting=report.waiting,
        questions=open_questions,
        rules=list(report.rules),
        expected_false_pairs=report.false_pairs[0],
        expected_false_pairs_95=report.false_pairs[1],
        expected_copies_left=report.copies_left[0],
        words=report.words,
        sources=list(counts.sources),
        combinations=[
            CombinationOut(sources=list(sources), reports=reports)
            for sources, reports in counts.combinations
        ],
    )


@router.get("/reviews/{slug}/duplicates/questions")
def list_questions(request: ReadRequest) -> list[QuestionOut]:
    """Pairs that a person must look at, most at stake first."""
    with request.store.read() as session:
        open_questions = questions.list_questions(session, request.review.id)
    return [QuestionOut.model_validate(question) for question in open_questions]


@router.post("/reviews/{slug}/duplicates/pairs")
def judge_pair(request: ScreenRequest, body: JudgementIn) -> ChangedOut:
    """Say what two records are to each other. Later deduplications keep to it."""
    judgement = Judgement(
        a=body.a, b=body.b, label=body.label, reason=body.reason, decision=body.decision
    )
    changes = judging.record_judgement(
        request.store, request.review.id, judgement, person_id=request.person.id
    )
    request.state.wake()
    return _changed(changes)


@router.post("/reviews/{slug}/duplicates/pairs/{pair_id}/undo")
def undo_pair(request: ScreenRequest, pair_id: IdPath) -> ChangedOut:
    """Undo what a person said about two records."""
    changes = judging.undo_judgement(
        request.store, request.review.id, pair_id, person_id=request.person.id
    )
    request.state.wake()
    return _changed(changes)


@router.get("/reviews/{slug}/records/{record_id}/alike")
def list_alike(
    request: ReadRequest,
    record_id: IdPath,
    q: Annotated[str, Query(max_length=500)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> list[RecordOut]:
    """Records that one may be the same as: those with similar titles, or with the words ``q``.

    This merges nothing; ``POST …/duplicates/pairs`` says that two records are one report.
    """
    words = q.replace("\x00", "")
    with request.store.read() as session:
        similar = find_similar_records(
            session, request.review.id, record_id, words=words, limit=limit
        )
        return [RecordOut.of(record) for record in similar]


@router.get("/reviews/{slug}/records/{record_id}/copies")
def get_copies(request: ReadRequest, record_id: IdPath) -> CopiesOut:
    """The report of a record: what is shown, where each value comes from, and all records."""
    with request.store.read() as session:
        report_id = records.get_record(session, request.review.id, record_id).report_id
        copies = records.list_records_of_report(session, request.review.id, report_id)
        shown = records.compose_representative(copies)
        live_pairs = pairs.list_live_pairs(session, [copy.id for copy in copies])
    return CopiesOut(
        report=report_id,
        shown=RecordOut.of(shown),
        origins=dict(shown.origins),
        records=[RecordOut.of(copy) for copy in copies],
        pairs=[PairOut.model_validate(pair) for pair in live_pairs],
    )


@router.post("/reviews/{slug}/records/{record_id}/split")
def split_record(request: ScreenRequest, record_id: IdPath, body: SplitIn) -> ChangedOut:
    """Take a record out of its report for good."""
    changes = judging.split_record(
        request.store,
        request.review.id,
        record_id,
        reason=body.reason,
        person_id=request.person.id,
    )
    request.state.wake()
    return _changed(changes)


@router.post("/reviews/{slug}/records/{record_id}/studies", status_code=201)
def join_study(request: ScreenRequest, record_id: IdPath, body: StudyIn) -> NamedStudy:
    """Add a record's report to a named study; it may belong to several."""
    return studies.add_to_study(
        request.store, request.review.id, record_id, body.name, person_id=request.person.id
    )


@router.delete("/reviews/{slug}/records/{record_id}/studies/{study_id}", status_code=204)
def leave_study(request: ScreenRequest, record_id: IdPath, study_id: IdPath) -> None:
    """Remove a record's report from a study."""
    studies.remove_from_study(
        request.store, request.review.id, record_id, study_id, person_id=request.person.id
    )


def _changed(changes: Sequence[ReportChange]) -> ChangedOut:
    return ChangedOut(reports=[ChangeOut.model_validate(change) for change in changes])
