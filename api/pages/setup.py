"""Setting a review up without a shell: protocol, searches, files with preview, gold list."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, File, Form, Path, Request, UploadFile
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import PersonDep, ReviewDep, StateDep
from api.pages.render import page
from api.protocol import ProtocolBody, ProtocolLimits, Question
from api.services import evaluation, importing
from api.state import State
from harvest.errors import UnreadableFile
from harvest.files.columns import FIELDS
from harvest.files.read import fingerprint
from store import gold, jobs, raw, reviews, searches, uploads
from store.errors import AlreadyUsed
from store.reviews import ReviewInfo

router = APIRouter()
_CHUNK = 1024 * 1024
Line = Annotated[str, Form(max_length=2000)]
Lines = Annotated[str, Form(max_length=50_000)]
IdPath = Annotated[int, Path(ge=1, le=2**63 - 1)]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.replace("\x00", "").splitlines() if line.strip())


def _year(text: str, name: str) -> int | None:
    if not text.strip():
        return None
    if not re.fullmatch(r"[12][0-9]{3}", text.strip()):
        raise ValueError(f"{name}: write a year such as 2011, not {text.strip()!r}")
    return int(text)


def _protocol(form: dict[str, str], before: ProtocolBody) -> ProtocolBody:
    """A protocol from its form; what the form does not show is kept.

    Raises:
        ValueError: a year is none, or the first is after the last.
    """
    keys = [question.key for question in before.questions]
    questions = tuple(
        Question(key=keys[at] if at < len(keys) else f"q{at + 1}", text=text)
        for at, text in enumerate(_lines(form["questions"]))
    )
    try:
        limits = ProtocolLimits(
            year_from=_year(form["year_from"], "first year"),
            year_to=_year(form["year_to"], "last year"),
            languages=tuple(part.strip() for part in form["languages"].split(",") if part.strip()),
            types=tuple(part.strip() for part in form["types"].split(",") if part.strip()),
        )
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    return before.model_copy(
        update={
            "questions": questions,
            "inclusion": _lines(form["inclusion"]),
            "exclusion": _lines(form["exclusion"]),
            "limits": limits,
        }
    )


def _form_of(body: ProtocolBody) -> dict[str, str]:
    return {
        "questions": "\n".join(question.text for question in body.questions),
        "inclusion": "\n".join(body.inclusion),
        "exclusion": "\n".join(body.exclusion),
        "year_from": str(body.limits.year_from or ""),
        "year_to": str(body.limits.year_to or ""),
        "languages": ", ".join(body.limits.languages),
        "types": ", ".join(body.limits.types),
    }


@router.get("/new")
def new_review(request: Request, _person: PersonDep) -> HTMLResponse:
    """The form for a new review."""
    form = {"title": "", **_form_of(ProtocolBody())}
    return page(request, "protocol.html", form=form, problem=None, versions=[], title_field=True)


@router.post("/new")
def create_review(
    request: Request,
    state: StateDep,
    person: PersonDep,
    title: Line,
    questions: Lines = "",
    inclusion: Lines = "",
    exclusion: Lines = "",
    year_from: Line = "",
    year_to: Line = "",
    languages: Line = "",
    types: Line = "",
) -> Response:
    """Make a review and go on to its searches."""
    form = {
        "title": title,
        "questions": questions,
        "inclusion": inclusion,
        "exclusion": exclusion,
        "year_from": year_from,
        "year_to": year_to,
        "languages": languages,
        "types": types,
    }
    name = title.replace("\x00", "").strip()
    try:
        if not name:
            raise ValueError("title: a review needs one")
        body = _protocol(form, ProtocolBody())
    except ValueError as error:
        return page(
            request,
            "protocol.html",
            status=422,
            form=form,
            problem=str(error),
            versions=[],
            title_field=True,
        )
    slug = _create(state, name, body, person.id)
    return RedirectResponse(f"/reviews/{slug}/searches", status_code=303)


def _create(state: State, title: str, body: ProtocolBody, person_id: int) -> str:
    """Make the review under a short name that is free."""
    stem = importing.slug(title)[:60].strip("-") or "review"
    for number in range(1, 1000):
        slug = stem if number == 1 else f"{stem}-{number}"
        try:
            with state.store.write() as session:
                reviews.create(
                    session, slug=slug, title=title, protocol=body.stored(), person_id=person_id
                )
        except AlreadyUsed:
            continue
        return slug
    raise AlreadyUsed(f"there are a thousand reviews named {title!r}")


@router.get("/reviews/{slug}/protocol")
def protocol_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """The protocol and its earlier versions."""
    with state.store.read() as session:
        versions = reviews.protocols(session, review.id)
    form = _form_of(ProtocolBody.model_validate(versions[0].body))
    return page(
        request,
        "protocol.html",
        review=review,
        form=form,
        problem=None,
        versions=versions,
        title_field=False,
    )


@router.post("/reviews/{slug}/protocol")
def save_protocol(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    questions: Lines = "",
    inclusion: Lines = "",
    exclusion: Lines = "",
    year_from: Line = "",
    year_to: Line = "",
    languages: Line = "",
    types: Line = "",
    reason: Line = "",
) -> Response:
    """Make a new version of the protocol."""
    form = {
        "questions": questions,
        "inclusion": inclusion,
        "exclusion": exclusion,
        "year_from": year_from,
        "year_to": year_to,
        "languages": languages,
        "types": types,
    }
    with state.store.read() as session:
        versions = reviews.protocols(session, review.id)
    try:
        body = _protocol(form, ProtocolBody.model_validate(versions[0].body))
    except ValueError as error:
        return page(
            request,
            "protocol.html",
            status=422,
            review=review,
            form=form,
            problem=str(error),
            versions=versions,
            title_field=False,
        )
    with state.store.write() as session:
        reviews.add_protocol(
            session,
            review.id,
            body.stored(),
            person_id=person.id,
            reason=reason.replace("\x00", "").strip() or None,
        )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/protocol", status_code=303)


def _search_fields(form: dict[str, str]) -> dict[str, Any]:
    """Fields of a search from a form; an empty field is not stated.

    Raises:
        ValueError: a number is none.
    """
    fields: dict[str, Any] = {}
    for name, value in form.items():
        text = value.replace("\x00", "").strip()
        if not text:
            continue
        if name in ("reported", "exported"):
            if not re.fullmatch(r"[0-9]{1,9}", text.replace(",", "")):
                raise ValueError(f"{name}: write a number, not {text!r}")
            fields[name] = int(text.replace(",", ""))
        else:
            fields[name] = text[:40] if name == "run_on" else text
    return fields


@router.get("/reviews/{slug}/searches")
def searches_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """Searches, their files and counts, and the form to bring more."""
    return _searches(request, state, review)


def _searches(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        found = searches.everything(session, review.id)
        running = jobs.newest(session, review.id)
    return page(
        request,
        "searches.html",
        status=status,
        review=review,
        searches=found,
        jobs=running,
        problem=problem,
        limit=state.settings.upload_limit,
        limit_mb=state.settings.upload_limit_mb,
    )


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        yield chunk


@router.post("/reviews/{slug}/uploads")
def upload(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    file: Annotated[UploadFile, File()],
) -> Response:
    """Keep a file until its preview is confirmed."""
    try:
        sha256, size = fingerprint(file.file, limit=state.settings.upload_limit)
        if size == 0:
            raise UnreadableFile("No file was chosen, or it is empty.", remedy="Choose a file.")
        importing.preview(file.file)
    except UnreadableFile as error:
        # A table whose columns were not recognised can still be mapped on the preview page.
        if "No column was recognised" not in error.message:
            where = f", line {error.line}" if error.line else ""
            problem = f"{file.filename}{where}: {error.message} {error.remedy}"
            return _searches(request, state, review, problem=problem, status=422)
    with state.store.write() as session:
        upload_id = uploads.add(
            session,
            review.id,
            person.id,
            name=(file.filename or "upload").replace("\x00", "")[:300],
            sha256=sha256,
            size=size,
            chunks=_chunks(file.file),
        )
    return RedirectResponse(f"/reviews/{review.slug}/uploads/{upload_id}", status_code=303)


def _preview(
    state: State, upload_id: int, mapping: dict[str, str]
) -> tuple[importing.Preview | None, str | None]:
    with tempfile.TemporaryFile() as stream:
        with state.store.read() as session:
            for piece in raw.of_upload(session, upload_id):
                stream.write(piece)
        stream.seek(0)
        try:
            return importing.preview(stream, mapping), None
        except UnreadableFile as error:
            return None, f"{error.message} {error.remedy}"


def _mapping(values: Any) -> dict[str, str]:
    """Field to column of a preview's form: ``map.title=Item Title``; empty takes a field out."""
    found = {}
    for name, value in values.multi_items():
        field = name.removeprefix("map.")
        if name.startswith("map.") and field in FIELDS:
            found[field] = str(value)
    return found


@router.get("/reviews/{slug}/uploads/{upload_id}")
def preview_page(
    request: Request, state: StateDep, review: ReviewDep, upload_id: IdPath
) -> HTMLResponse:
    """What a file would become: format, columns, first records, rejected entries."""
    mapping = _mapping(request.query_params)
    with state.store.read() as session:
        waiting = uploads.by_id(session, upload_id, review.id)
        known = searches.everything(session, review.id)
        held = searches.find_batch(session, review.id, waiting.sha256)
    preview, problem = _preview(state, upload_id, mapping)
    header: tuple[str, ...] = preview.header if preview else _header(state, upload_id)
    return page(
        request,
        "preview.html",
        review=review,
        upload=waiting,
        preview=preview,
        header=header,
        fields=FIELDS,
        problem=problem,
        searches=known,
        held=held,
        mapping=mapping,
    )


def _header(state: State, upload_id: int) -> tuple[str, ...]:
    """Column names of a table that could not be mapped, as far as they can be told."""
    with state.store.read() as session:
        first = next(raw.of_upload(session, upload_id), b"")[:100_000]
    from harvest.files.delimited import delimiter_of, header_of
    from harvest.text import decode

    try:
        text = decode(first).text
    except UnreadableFile:
        return ()
    return tuple(header_of(text, delimiter_of(text)))


async def _form(request: Request) -> FormData:
    """All fields of a form, among them those whose names depend on the file."""
    return await request.form()


@router.post("/reviews/{slug}/uploads/{upload_id}")
def confirm_upload(
    state: StateDep,
    review: ReviewDep,
    upload_id: IdPath,
    form: Annotated[FormData, Depends(_form)],
) -> Response:
    """Import a waiting file with the confirmed mapping, as a job of the worker."""
    mapping = _mapping(form)
    given = {
        name: str(form.get(name, ""))
        for name in (
            *("source", "platform", "run_on", "strategy", "limits", "reported", "exported"),
            "searcher",
        )
    }
    labels = str(form.get("labels", "ignore"))
    chosen = str(form.get("search", ""))
    search_id = int(chosen) if re.fullmatch(r"[0-9]{1,18}", chosen) else None
    body: dict[str, Any] = {
        "search_id": search_id,
        "search_fields": _search_fields(given),
        "mapping": mapping,
        "labels": labels if labels in importing.LABEL_USES else "ignore",
    }
    with state.store.write() as session:
        uploads.by_id(session, upload_id, review.id)
        if search_id is not None:
            searches.by_id(session, review.id, search_id)
        uploads.confirm(session, upload_id, body)
        # Begun here and not by the worker, so that the next page shows it from the start.
        job = jobs.begin(session, review.id, "import")
    state.jobs.import_upload(upload_id, job)
    return RedirectResponse(f"/reviews/{review.slug}/searches", status_code=303)


@router.post("/reviews/{slug}/uploads/{upload_id}/cancel")
def cancel_upload(state: StateDep, review: ReviewDep, upload_id: IdPath) -> Response:
    """Forget a waiting file."""
    with state.store.write() as session:
        uploads.by_id(session, upload_id, review.id)
        uploads.remove(session, upload_id)
    return RedirectResponse(f"/reviews/{review.slug}/searches", status_code=303)


@router.get("/reviews/{slug}/searches/{search_id}")
def search_page(
    request: Request, state: StateDep, review: ReviewDep, search_id: IdPath
) -> HTMLResponse:
    """One search: its fields to be stated, its files and their rejected entries."""
    with state.store.read() as session:
        search = searches.by_id(session, review.id, search_id)
        lost = {batch.id: searches.rejected(session, batch.id) for batch in search.batches}
    return page(request, "search.html", review=review, search=search, lost=lost, problem=None)


@router.post("/reviews/{slug}/searches/{search_id}")
def save_search(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    search_id: IdPath,
    source: Line = "",
    platform: Line = "",
    run_on: Line = "",
    strategy: Lines = "",
    limits: Lines = "",
    reported: Line = "",
    exported: Line = "",
    searcher: Line = "",
    gap_reason: Lines = "",
) -> Response:
    """State what was not stated of a search, or mend it."""
    form = {
        "source": source,
        "platform": platform,
        "run_on": run_on,
        "strategy": strategy,
        "limits": limits,
        "reported": reported,
        "exported": exported,
        "searcher": searcher,
        "gap_reason": gap_reason,
    }
    stated: dict[str, Any] = dict.fromkeys(form) | _search_fields(form)
    with state.store.write() as session:
        searches.edit(session, review.id, search_id, stated, person_id=person.id)
    return RedirectResponse(f"/reviews/{review.slug}/searches/{search_id}", status_code=303)


@router.post("/reviews/{slug}/files/{file_id}/withdraw")
def withdraw(
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    file_id: IdPath,
    reason: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Take a wrong file back."""
    with state.store.write() as session:
        search = searches.batch(session, review.id, file_id).search_id
        searches.withdraw(
            session,
            review.id,
            file_id,
            reason=reason.replace("\x00", "").strip() or "no reason given",
            person_id=person.id,
        )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/searches/{search}", status_code=303)


@router.get("/reviews/{slug}/gold")
def gold_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """Known relevant records, their lists and uses."""
    return _gold(request, state, review)


def _gold(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        found = gold.everything(session, review.id)
    lists: dict[str, list[gold.GoldInfo]] = {}
    for info in found:
        lists.setdefault(info.list_name, []).append(info)
    return page(
        request,
        "gold.html",
        status=status,
        review=review,
        lists=lists,
        problem=problem,
        limit_mb=state.settings.upload_limit_mb,
    )


@router.post("/reviews/{slug}/gold/files")
def add_gold(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    file: Annotated[UploadFile, File()],
    search_use: Annotated[str, Form(pattern="^(development|validation)$")] = "validation",
    ranking_use: Annotated[str, Form(pattern="^(seed|held_out)$")] = "held_out",
) -> Response:
    """Add a list of known relevant records from a file."""
    name = (file.filename or "list").replace("\x00", "")[:200]
    try:
        fingerprint(file.file, limit=state.settings.upload_limit)
        chosen, _ = evaluation.gold_file(file.file, search_use=search_use, ranking_use=ranking_use)
    except UnreadableFile as error:
        where = f", line {error.line}" if error.line else ""
        problem = f"{name}{where}: {error.message} {error.remedy}"
        return _gold(request, state, review, problem=problem, status=422)
    with state.store.write() as session:
        gold.add(session, review.id, chosen, list_name=name, person_id=person.id)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/gold", status_code=303)


@router.post("/reviews/{slug}/gold/use")
def set_gold_use(
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    list_name: Annotated[str, Form(max_length=300)],
    search_use: Annotated[str, Form(pattern="^(development|validation)$")],
    ranking_use: Annotated[str, Form(pattern="^(seed|held_out)$")],
) -> Response:
    """Set both uses of a list."""
    with state.store.write() as session:
        gold.set_use(
            session,
            review.id,
            list_name,
            search_use=search_use,
            ranking_use=ranking_use,
            person_id=person.id,
        )
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/gold", status_code=303)


@router.post("/reviews/{slug}/gold/remove")
def remove_gold(
    state: StateDep,
    person: PersonDep,
    review: ReviewDep,
    list_name: Annotated[str, Form(max_length=300)],
) -> Response:
    """Take a list away."""
    with state.store.write() as session:
        gold.remove(session, review.id, list_name, person_id=person.id)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/gold", status_code=303)
