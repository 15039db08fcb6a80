"""The strategy's page and the runs' page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import LeadDep, PersonDep, ReviewDep, StateDep
from api.pages.render import page
from api.refusals import Blocked
from api.services import harvesting, sources, strategies
from api.services.strategies import Current, NeedsConfirmation
from api.state import State
from harvest.errors import StrategyError
from harvest.render.losses import Loss
from harvest.render.registry import WRITERS
from store import flow, jobs, records, runs
from store import strategies as stored
from store.errors import Conflict
from store.reviews import ReviewInfo

router = APIRouter()
RunPath = Annotated[int, Path(ge=1, le=2**63 - 1)]
_LONGEST = 500_000
_SAMPLE = 20
# Runs on the page: a living review has thousands, of which the nights' page tells.
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class LossGroup:
    """Losses of one kind and direction at one source."""

    kind: str
    direction: str
    losses: tuple[Loss, ...]

    @property
    def blocks(self) -> bool:
        """Whether any of them is neither mapped nor accepted."""
        return any(loss.blocks for loss in self.losses)

    @property
    def reasons(self) -> list[str]:
        """Why they were accepted."""
        return sorted({loss.accepted for loss in self.losses if loss.accepted})


@dataclass(frozen=True, slots=True)
class AtSource:
    """The strategy at one source, for the page."""

    name: str
    title: str
    queries: tuple[str, ...]
    groups: tuple[LossGroup, ...]
    blocked: bool
    problem: str | None = None


def _grouped(losses: tuple[Loss, ...]) -> tuple[LossGroup, ...]:
    found: dict[tuple[str, str], list[Loss]] = {}
    for loss in losses:
        found.setdefault((loss.direction, loss.kind), []).append(loss)
    groups = [LossGroup(kind, way, tuple(all_)) for (way, kind), all_ in found.items()]
    return tuple(sorted(groups, key=lambda group: (not group.blocks, group.direction, group.kind)))


def _at_source(state: State, found: Current, name: str) -> AtSource:
    title = state.settings.sources[name].title
    try:
        rendered = found.rendered(name)
    except StrategyError as error:
        return AtSource(
            name, title, (), (), blocked=True, problem=f"{error.message} {error.remedy}"
        )
    return AtSource(name, title, rendered.queries, _grouped(rendered.losses), rendered.blocked)


def editable(found: Current) -> str:
    """A version as plain text with numbered lines, as it is pasted; "" for one of blocks."""
    body = found.info.body
    if "text" in body:
        return str(body["text"])
    names = [line.name for line in found.strategy.lines.values()]
    if "lines" not in body or not all(name.isdigit() for name in names):
        return ""
    return "\n\n".join(f"#{line.name} {line.text}" for line in found.strategy.lines.values())


@router.get("/reviews/{slug}/strategy")
def strategy_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """The strategy: lines with hits, losses by source, what was accepted, and its run."""
    return _page(request, state, review)


def _page(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    text: str | None = None,
    use: str = "",
    confirm: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        versions = stored.versions(session, review.id)
        found = strategies.current(session, review.id) if versions else None
        hits = stored.hits(session, found.info.id) if found else []
        running = jobs.newest(session, review.id)
    by_line: dict[str, dict[str, stored.Hits]] = {}
    for counted in hits:
        by_line.setdefault(counted.line, {})[counted.source] = counted
    if text is None:
        text = editable(found) if found else ""
        use = found.strategy.use if found else ""
    return page(
        request,
        "strategy.html",
        status=status,
        review=review,
        found=found,
        versions=versions,
        hits=by_line,
        at_sources=[_at_source(state, found, name) for name in WRITERS] if found else [],
        jobs=running,
        problem=problem,
        confirm=confirm,
        text=text,
        use=use,
    )


@router.post("/reviews/{slug}/strategy")
def save_strategy(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    text: Annotated[str, Form(max_length=_LONGEST)],
    use: Annotated[str, Form(max_length=100)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    peer_review: Annotated[str, Form(max_length=5000)] = "",
    confirm: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Save the text as a new version; what was mapped and noted before stays with it."""
    text, use = text.replace("\x00", "").replace("\r\n", "\n"), use.replace("\x00", "").strip("# ")
    try:
        with state.store.write() as session:
            before = stored.versions(session, review.id)
            body = _body(text, use, before[0].body if before else {})
            strategies.unlocked(session, review.id, body, confirm=bool(confirm))
            version = strategies.save(
                session,
                review.id,
                body,
                reason=reason.replace("\x00", "").strip() or None,
                person_id=person.id,
            )
            info = stored.version(session, review.id, version)
            said = peer_review.replace("\x00", "").strip() or None
            if said != info.peer_review:
                stored.set_peer_review(session, review.id, info.id, said, person_id=person.id)
    except StrategyError as error:
        where = f"Line {error.line}" + (f", column {error.column}" if error.column else "")
        problem = f"{where}: {error.message}" if error.line else error.message
        return _page(
            request,
            state,
            review,
            problem=f"{problem} {error.remedy}",
            text=text,
            use=use,
            status=422,
        )
    except NeedsConfirmation as error:
        return _page(request, state, review, confirm=str(error), text=text, use=use, status=409)
    return RedirectResponse(f"/reviews/{review.slug}/strategy", status_code=303)


def _body(text: str, use: str, before: Any) -> dict[str, Any]:
    """The document of a pasted text, with what a person chose for its leaves before.

    Raises:
        StrategyError: it cannot be read.
    """
    kept = {
        key: before[key]
        for key in ("title", "note", "status", "replace", "accept")
        if key in before
    }
    body = {**kept, "text": text}
    if use:
        body["use"] = use
    strategies.check(body)
    return body


@router.post("/reviews/{slug}/strategy/accept")
def accept_loss(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    source: Annotated[str, Form(max_length=40)],
    kind: Annotated[str, Form(max_length=40)],
    reason: Annotated[str, Form(max_length=2000)],
    leaf: Annotated[str, Form(max_length=5000)] = "",
) -> Response:
    """Accept losses, or a source's warning, in writing."""
    try:
        with state.store.write() as session:
            strategies.accept(
                session,
                review.id,
                source=source,
                kind=kind,
                leaf=leaf.replace("\x00", "") or None,
                reason=reason.replace("\x00", ""),
                person_id=person.id,
            )
    except StrategyError as error:
        problem = f"{error.message} {error.remedy}"
        return _page(request, state, review, problem=problem, status=422)
    back = request.headers.get("referer", "")
    where = "harvest" if back.endswith("/harvest") else "strategy"
    return RedirectResponse(f"/reviews/{review.slug}/{where}", status_code=303)


@router.post("/reviews/{slug}/strategy/map")
def map_leaf(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    source: Annotated[str, Form(max_length=40)],
    leaf: Annotated[str, Form(max_length=5000)],
    other: Annotated[str, Form(max_length=5000)],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Replace a leaf at one source; makes a new version."""
    try:
        with state.store.write() as session:
            strategies.map_leaf(
                session,
                review.id,
                source=source,
                leaf=leaf.replace("\x00", ""),
                other=other.replace("\x00", ""),
                reason=reason.replace("\x00", ""),
                person_id=person.id,
            )
    except StrategyError as error:
        problem = f"{error.message} {error.remedy}"
        return _page(request, state, review, problem=problem, status=422)
    return RedirectResponse(f"/reviews/{review.slug}/strategy", status_code=303)


@router.post("/reviews/{slug}/strategy/hits")
def count_hits(state: StateDep, review: LeadDep) -> Response:
    """Count the lines' hits at all sources, as a job of the worker."""
    with state.store.write() as session:
        strategies.current(session, review.id)
        job = jobs.begin(session, review.id, "hits")
    state.jobs.count_hits(review.id, job)
    return RedirectResponse(f"/reviews/{review.slug}/strategy", status_code=303)


@router.get("/reviews/{slug}/harvest")
def harvest_page(request: Request, state: StateDep, review: ReviewDep) -> HTMLResponse:
    """Runs with their reconciliation, live; what became of every record; the sources' terms."""
    return _harvest(request, state, review)


def _harvest(
    request: Request,
    state: State,
    review: ReviewInfo,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with state.store.read() as session:
        found = runs.everything(session, review.id, limit=_SHOWN)
        counts = flow.flow(session, review.id)
        versions = stored.versions(session, review.id)
        standing = {
            run.id: harvesting.unaccepted(session, run) for run in found if run.state == "blocked"
        }
    return page(
        request,
        "harvest.html",
        status=status,
        review=review,
        runs=list(reversed(found)),
        flow=counts,
        version=versions[0].version if versions else None,
        standing=standing,
        sources=sources.listed(state.settings),
        problem=problem,
        live=any(run.state in ("waiting", "running") for run in found),
    )


@router.get("/reviews/{slug}/filtered")
def filtered_page(
    request: Request,
    state: StateDep,
    review: ReviewDep,
    seed: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> HTMLResponse:
    """A random sample of the filtered records, to be read."""
    with state.store.read() as session:
        number, drawn = records.sample_of_filtered(session, review.id, size=_SAMPLE, seed=seed)
        found = [records.by_id(session, review.id, record_id) for record_id in drawn]
    return page(request, "filtered.html", review=review, number=number, found=found, seed=seed)


@router.post("/reviews/{slug}/harvest")
def start(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    source: Annotated[list[str], Form()],
) -> Response:
    """Begin runs at the chosen sources; those that are blocked say why."""
    problems = []
    for name in dict.fromkeys(source):
        try:
            harvesting.begin(
                state.store,
                state.settings,
                review.id,
                name,
                person_id=person.id,
                person=person.name,
            )
        except (Blocked, StrategyError) as error:
            problems.append(f"{error} {error.remedy}")
        except Conflict as error:
            problems.append(f"{name}: {error}.")
    state.wake()
    if problems:
        return _harvest(request, state, review, problem=" ".join(problems), status=409)
    return RedirectResponse(f"/reviews/{review.slug}/harvest", status_code=303)


@router.post("/reviews/{slug}/runs/{run_id}/{action}")
def change(
    request: Request,
    state: StateDep,
    person: PersonDep,
    review: LeadDep,
    run_id: RunPath,
    action: Annotated[str, Path(pattern="^(stop|resume|release)$")],
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Stop a run, go on with it, or let its records in."""
    try:
        with state.store.write() as session:
            if action == "stop":
                runs.stop(session, run_id, review.id, person_id=person.id)
            elif action == "resume":
                runs.again(session, run_id, review.id)
            else:
                said = reason.replace("\x00", "").strip()
                if not said:
                    raise Conflict("a release needs a reason")
                runs.release(session, run_id, review.id, reason=said, person_id=person.id)
    except Conflict as error:
        return _harvest(request, state, review, problem=f"{error}.", status=409)
    state.wake()
    return RedirectResponse(f"/reviews/{review.slug}/harvest", status_code=303)
