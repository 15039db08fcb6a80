"""The strategy's page and the runs' page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query
from pydantic import AfterValidator, BaseModel, Field
from starlette.responses import HTMLResponse, Response

from api.deps import LeadRequest, ReadRequest, ReviewRequest
from api.pages.forms import Problem, problem_of, submit, to_review
from api.pages.render import review_page
from api.refusals import Blocked, ConfirmationNeeded, ReasonNeeded
from api.services.searching import (
    accepting,
    counting,
    run_changes,
    run_starts,
    sources,
    strategies,
)
from api.services.searching.accepting import NewReplacement
from api.services.searching.filtered_records import draw_filtered_records
from api.services.searching.strategies import CurrentStrategy, StrategyDraft
from api.settings import Settings
from api.types import FormText, IdPath, WholeNumber
from api.wording import RUN_STATES
from harvest.errors import StrategyError
from harvest.render.losses import Loss
from harvest.render.registry import WRITERS
from store.core import jobs
from store.core.errors import Conflict
from store.searching import flow
from store.searching.runs import runs
from store.searching.strategies import Hits, NewAcceptance, list_hits, list_versions

router = APIRouter()
_LONGEST = 500_000
_SAMPLE = 20
# Runs on the page: a review that is kept up to date has thousands, and its nights have a page.
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class LossGroup:
    """Losses of one kind and direction at one source."""

    kind: str
    direction: str
    losses: tuple[Loss, ...]

    @property
    def blocks(self) -> bool:
        """Whether any of them is neither replaced nor accepted."""
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
    by_kind: dict[tuple[str, str], list[Loss]] = {}
    for loss in losses:
        by_kind.setdefault((loss.direction, loss.kind), []).append(loss)
    groups = [LossGroup(kind, way, tuple(group)) for (way, kind), group in by_kind.items()]
    return tuple(sorted(groups, key=lambda group: (not group.blocks, group.direction, group.kind)))


def _at_source(settings: Settings, current: CurrentStrategy, name: str) -> AtSource:
    title = settings.sources[name].title
    try:
        rendered = current.rendered(name)
    except StrategyError as error:
        return AtSource(name, title, (), (), blocked=True, problem=problem_of(error).text)
    return AtSource(name, title, rendered.queries, _grouped(rendered.losses), rendered.blocked)


def _editable(current: CurrentStrategy) -> str:
    """A version as plain text with numbered lines, as it is pasted; "" for one of blocks."""
    body = current.info.body
    if "text" in body:
        return str(body["text"])
    names = [line.name for line in current.strategy.lines.values()]
    if "lines" not in body or not all(name.isdigit() for name in names):
        return ""
    return "\n\n".join(f"#{line.name} {line.text}" for line in current.strategy.lines.values())


@dataclass(frozen=True, slots=True)
class _Typed:
    """What a person typed into the form, shown again; ``confirm`` is what they must agree to."""

    text: str
    use: str
    confirm: str | None = None


@router.get("/reviews/{slug}/strategy")
def strategy_page(request: ReadRequest) -> HTMLResponse:
    """The strategy: lines with hits, losses by source, what was accepted, and how to run it."""
    return _strategy(request)


def _strategy(
    request: ReviewRequest,
    typed: _Typed | None = None,
    *,
    problem: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    with request.store.read() as session:
        versions = list_versions(session, request.review.id)
        current = strategies.get_current(session, request.review.id) if versions else None
        hits = list_hits(session, current.info.id) if current else []
        warnings = (
            strategies.list_limit_warnings(session, request.review.id, current.strategy)
            if current
            else []
        )
        recent_jobs = jobs.list_recent_jobs(session, request.review.id)
    if typed is None:
        typed = _Typed(_editable(current), current.strategy.use) if current else _Typed("", "")
    settings = request.state.settings
    return review_page(
        request,
        "strategy.html",
        status=status,
        found=current,
        versions=versions,
        hits=_by_line(hits),
        limit_warnings=warnings,
        at_sources=[_at_source(settings, current, name) for name in WRITERS] if current else [],
        jobs=recent_jobs,
        problem=problem,
        confirm=typed.confirm,
        text=typed.text,
        use=typed.use,
    )


def _by_line(hits: list[Hits]) -> dict[str, dict[str, Hits]]:
    """Hits by line and source."""
    lines: dict[str, dict[str, Hits]] = {}
    for counted in hits:
        lines.setdefault(counted.line, {})[counted.source] = counted
    return lines


def _refused(request: ReviewRequest, problem: Problem) -> HTMLResponse:
    """The strategy's page with the problem of a form on it."""
    return _strategy(request, problem=problem.text, status=problem.status)


def _plain_lines(text: str) -> str:
    return text.replace("\x00", "").replace("\r\n", "\n")


class StrategyForm(BaseModel):
    """A pasted strategy."""

    text: Annotated[str, Field(max_length=_LONGEST), AfterValidator(_plain_lines)]
    use: Annotated[FormText, Field(max_length=100)] = ""
    reason: Annotated[FormText, Field(max_length=2000)] = ""
    peer_review: Annotated[FormText, Field(max_length=5000)] = ""
    confirm: Annotated[str, Field(max_length=5)] = ""

    def draft(self) -> StrategyDraft:
        """The version that the form describes."""
        body: dict[str, Any] = {"text": self.text}
        if self.line:
            body["use"] = self.line
        return StrategyDraft(
            body,
            reason=self.reason or None,
            peer_review=self.peer_review,
            confirm=bool(self.confirm),
            keep_notes=True,
        )

    @property
    def line(self) -> str:
        """The line that is run, without its number sign; "" for the last."""
        return self.use.strip("# ")


@router.post("/reviews/{slug}/strategy")
def save_strategy(request: LeadRequest, form: Annotated[StrategyForm, Form()]) -> Response:
    """Save the text as a new version, which keeps earlier replacements and notes."""
    typed = _Typed(form.text, form.line)
    try:
        strategies.save_strategy(
            request.store, request.review.id, form.draft(), person_id=request.person.id
        )
    except StrategyError as error:
        return _strategy(request, typed, problem=problem_of(error).text, status=422)
    except ConfirmationNeeded as error:
        return _strategy(request, _Typed(form.text, form.line, confirm=str(error)), status=409)
    return to_review(request.review, "strategy")


class AcceptanceForm(BaseModel):
    """A loss, or a source's warning, that is accepted in writing."""

    source: Annotated[str, Field(max_length=40)]
    kind: Annotated[str, Field(max_length=40)]
    reason: Annotated[FormText, Field(max_length=2000)]
    leaf: Annotated[FormText, Field(max_length=5000)] = ""


@router.post("/reviews/{slug}/strategy/accept")
def accept_loss(request: LeadRequest, form: Annotated[AcceptanceForm, Form()]) -> Response:
    """Accept losses, or a source's warning, in writing."""

    def accept() -> Response:
        acceptance = NewAcceptance(
            source=form.source, kind=form.kind, leaf=form.leaf or None, reason=form.reason
        )
        accepting.accept_losses(
            request.store, request.review.id, acceptance, person_id=request.person.id
        )
        back = request.request.headers.get("referer", "")
        return to_review(request.review, "harvest" if back.endswith("/harvest") else "strategy")

    return submit(
        accept,
        lambda problem: _refused(request, problem),
        catch=(StrategyError, ReasonNeeded),
    )


class ReplacementForm(BaseModel):
    """A leaf that is replaced at one source."""

    source: Annotated[str, Field(max_length=40)]
    leaf: Annotated[FormText, Field(max_length=5000)]
    other: Annotated[FormText, Field(max_length=5000)]
    reason: Annotated[FormText, Field(max_length=2000)] = ""


@router.post("/reviews/{slug}/strategy/map")
def replace_leaf(request: LeadRequest, form: Annotated[ReplacementForm, Form()]) -> Response:
    """Replace a leaf at one source; that makes a new version."""

    def replace() -> Response:
        replacement = NewReplacement(
            source=form.source, leaf=form.leaf, other=form.other, reason=form.reason
        )
        accepting.replace_leaf(
            request.store, request.review.id, replacement, person_id=request.person.id
        )
        return to_review(request.review, "strategy")

    return submit(replace, lambda problem: _refused(request, problem), catch=(StrategyError,))


@router.post("/reviews/{slug}/strategy/hits")
def count_hits(request: LeadRequest) -> Response:
    """Count the lines' hits at all sources, as a job of the worker."""
    job = counting.start_count(request.store, request.review.id)
    request.state.jobs.count_hits(request.review.id, job)
    return to_review(request.review, "strategy")


@router.get("/reviews/{slug}/harvest")
def harvest_page(request: ReadRequest) -> HTMLResponse:
    """Runs with their reconciliation, live; what became of every record; the sources' terms."""
    return _harvest(request)


def _harvest(request: ReviewRequest, problem: str | None = None) -> HTMLResponse:
    with request.store.read() as session:
        newest = runs.list_runs(session, request.review.id, limit=_SHOWN)
        counts = flow.count_flow(session, request.review.id)
        versions = list_versions(session, request.review.id)
        warnings = {
            run.id: run_changes.list_unaccepted_warnings(session, run)
            for run in newest
            if run.state == "blocked"
        }
        settings = request.state.settings
        key_advice = (
            run_starts.list_key_advice(session, settings, request.review.id, list(settings.sources))
            if versions
            else []
        )
    return review_page(
        request,
        "harvest.html",
        status=409 if problem else 200,
        runs=list(reversed(newest)),
        run_states=RUN_STATES,
        flow=counts,
        version=versions[0].version if versions else None,
        warnings=warnings,
        sources=sources.list_sources(settings),
        key_advice=key_advice,
        problem=problem,
        live=any(run.state in ("waiting", "running") for run in newest),
    )


@router.get("/reviews/{slug}/filtered")
def filtered_page(
    request: ReadRequest, seed: Annotated[WholeNumber, Query(ge=0, le=2**31 - 1)] = 0
) -> HTMLResponse:
    """A random sample of the filtered records, to be read."""
    with request.store.read() as session:
        sample = draw_filtered_records(session, request.review.id, size=_SAMPLE, seed=seed)
    return review_page(
        request, "filtered.html", number=sample.total, found=sample.records, seed=seed
    )


@router.post("/reviews/{slug}/harvest")
def start_runs(request: LeadRequest, source: Annotated[list[str], Form()]) -> Response:
    """Start runs at the chosen sources; those that are blocked say why."""
    problems = []
    for name in dict.fromkeys(source):
        try:
            run_starts.start_runs(
                request.store,
                request.state.settings,
                request.review.id,
                name,
                searcher=request.person,
            )
        except (Blocked, StrategyError) as error:
            problems.append(problem_of(error).text)
        except Conflict as error:
            problems.append(f"{name}: {error}.")
    request.state.wake()
    if problems:
        return _harvest(request, " ".join(problems))
    return to_review(request.review, "harvest")


@router.post("/reviews/{slug}/runs/{run_id}/{action}")
def change_run(
    request: LeadRequest,
    run_id: IdPath,
    action: Annotated[str, Path(pattern="^(stop|resume|release)$")],
    reason: Annotated[FormText, Form(max_length=2000)] = "",
) -> Response:
    """Stop a run, go on with it, or let its records in."""
    store, review_id, person_id = request.store, request.review.id, request.person.id
    try:
        if action == "stop":
            run_changes.stop_run(store, review_id, run_id, person_id=person_id)
        elif action == "resume":
            run_changes.resume_run(store, review_id, run_id)
        else:
            run_changes.release_run(store, review_id, run_id, reason=reason, person_id=person_id)
    except (Conflict, ReasonNeeded) as error:
        return _harvest(request, problem_of(error).text)
    request.state.wake()
    return to_review(request.review, "harvest")
