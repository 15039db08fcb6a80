"""Forms of what people do together: marks on records, bulk actions, cards handed over."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path
from starlette.responses import RedirectResponse, Response

from api.deps import PersonDep, ScreenDep, StateDep
from api.pages.screening import ReasonsForm
from harvest.text import fold
from store import assignments, bulk, marks, records
from store.bulk import Action
from store.marks import Marked
from store.records import Filter

router = APIRouter()
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]
NumberForm = Annotated[str, Form(pattern="^[0-9]{0,18}$")]


@router.post("/reviews/{slug}/records/{record_id}/marks")
def put_mark(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    record_id: IdPath,
    kind: Annotated[str, Form(pattern="^(tag|note|star)$")],
    text: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Put a tag, a note or a star on a record."""
    with state.store.write() as session:
        report = records.by_id(session, review.id, record_id).report_id
        marks.add(session, review.id, person.id, report, kind, text.replace("\x00", ""))
    return RedirectResponse(f"/reviews/{review.slug}/records/{record_id}#marks", status_code=303)


@router.post("/reviews/{slug}/records/{record_id}/marks/{mark_id}/remove")
def take_off_mark(
    state: StateDep, person: PersonDep, review: ScreenDep, record_id: IdPath, mark_id: IdPath
) -> Response:
    """Take a mark off."""
    with state.store.write() as session:
        marks.remove(session, review.id, person.id, mark_id)
    return RedirectResponse(f"/reviews/{review.slug}/records/{record_id}#marks", status_code=303)


@router.post("/reviews/{slug}/screen/hand-over")
def hand_over(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    report: Annotated[int, Form(ge=1, le=2**63 - 1)],
    to: NumberForm = "",
) -> Response:
    """Hand a card to a colleague without script, and go on to the next."""
    with state.store.write() as session:
        assignments.hand_over(session, review.id, person.id, report, to=int(to) if to else None)
    return RedirectResponse(f"/reviews/{review.slug}/screen", status_code=303)


@router.post("/reviews/{slug}/records/bulk")
def act_in_bulk(
    state: StateDep,
    person: PersonDep,
    review: ScreenDep,
    action: Annotated[str, Form(pattern="^(tag|include|exclude|maybe|assign)$")],
    token: Annotated[str, Form(min_length=1, max_length=100)],
    expected: NumberForm = "",
    q: Annotated[str, Form(max_length=500)] = "",
    decision: Annotated[str, Form(pattern="^(|include|exclude|maybe|undecided)$")] = "",
    flag: Annotated[str, Form(pattern="^(|no-abstract|no-title)$")] = "",
    search: NumberForm = "",
    tag: Annotated[str, Form(max_length=60)] = "",
    star: bool = Form(default=False),
    new_tag: Annotated[str, Form(max_length=60)] = "",
    note: Annotated[str, Form(max_length=10_000)] = "",
    reason: ReasonsForm = (),
    to: NumberForm = "",
) -> Response:
    """Do one thing to every record that was listed."""
    wanted = Filter(
        text=fold(q.replace("\x00", "")),
        decision=decision or None,
        flag=flag or None,
        search_id=int(search) if search else None,
        marked=Marked(person.id, tag.replace("\x00", ""), star) if tag or star else None,
    )
    with state.store.write() as session:
        if action == "assign":
            assignments.assign(
                session,
                review.id,
                "records",
                {int(to or 0): 1},
                by=person.id,
                reports=records.matching(session, review.id, wanted),
            )
        else:
            bulk.act(
                session,
                review.id,
                person.id,
                wanted,
                _action(action, new_tag, note, reason),
                token=token,
                expected=int(expected) if expected else None,
            )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/records", status_code=303)


def _action(word: str, tag: str, note: str, reason: tuple[str, ...]) -> Action:
    if word == "tag":
        return Action("tag", tag.replace("\x00", ""))
    words = note.replace("\x00", "").strip() or None
    return Action("decide", word, words, tuple(reason) if word == "exclude" else ())


@router.post("/reviews/{slug}/records/bulk/{bulk_id}/undo")
def undo_in_bulk(
    state: StateDep, person: PersonDep, review: ScreenDep, bulk_id: IdPath
) -> Response:
    """Take a bulk action back as one."""
    with state.store.write() as session:
        bulk.undo(session, review.id, person.id, bulk_id)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/records", status_code=303)
