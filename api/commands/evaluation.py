"""winnow evaluate."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from api.commands.output import (
    Acting,
    AsOption,
    InReview,
    Json,
    Refused,
    ReviewOption,
    acting,
    in_review,
)
from api.documents import plots
from api.schemas.evaluation import EvaluationOut
from api.schemas.search_check import SearchCheckOut
from api.services.ranking import comparing
from api.services.ranking.comparing import OrderComparison
from api.services.ranking.ranker import Ranker
from api.services.reporting import search_check
from api.services.reporting.evaluation import Drift, Evaluation, GivenList
from api.services.reporting.evaluation import evaluate as evaluate_review
from api.services.reporting.search_check import Check
from api.services.searching.gold_files import list_own_includes, read_gold_file
from api.wording import SEARCH_USES, count_noun, describe_share
from harvest.errors import SourceError
from harvest.http import masked
from model.evaluation.breakdown import Kind
from model.evaluation.known_outcome import KnownOutcome
from model.evaluation.screening_recall import Estimate, ScreeningRecall
from model.evaluation.search_recall import SearchRecall
from model.evaluation.shares import Share
from store.core.session import ReadSession

# How many of the studies that come last are listed.
_LATE = 20
_COMPARISON = TypeAdapter(OrderComparison)


def evaluate(
    gold: Annotated[
        Path | None,
        typer.Option(help="Labelled file or list (default: the review's known studies)."),
    ] = None,
    includes: Annotated[
        bool, typer.Option("--includes", help="Use this review's own includes instead.")
    ] = False,
    search_use: Annotated[
        str, typer.Option(help="Use of the --gold file for the search: development or validation.")
    ] = "validation",
    ranking_use: Annotated[
        str, typer.Option(help="Use of the --gold file for the ranking: seed or held_out.")
    ] = "held_out",
    search: Annotated[
        bool,
        typer.Option("--search", help="Check only the search: by source, with what it missed."),
    ] = False,
    lookup: Annotated[
        bool, typer.Option(help="With --search: look up each missed study at each source.")
    ] = True,
    at: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="Also say how many are reached after this many records; repeatable."
        ),
    ] = None,
    against: Annotated[
        bool,
        typer.Option(help="Compare with replays by the review's pipeline and ELAS u4; slow."),
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Write an SVG plot to this file.")] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Check the review against known studies: included, still undecided, reached."""
    if search:
        if gold is not None or includes or plot is not None or at or against:
            raise typer.BadParameter(
                "--search uses the review's own known studies and takes only --lookup."
            )
        with acting(as_json, review, actor) as act:
            _evaluate_search(act, lookup=lookup)
        return
    source = _ListSource(gold, includes, search_use, ranking_use)
    with in_review(as_json, review, file=gold) as act:
        with act.store.read() as session:
            given = source.read(session, act.review.id)
            result = evaluate_review(session, act.review.id, given, depths=at or ())
        _refuse_empty(result.records)
        comparison = _compare(act, result) if against and result.screening.relevant else None
        if plot is not None:
            plot.write_text(plots.recall(result.screening, comparison), encoding="utf-8")
        data = {
            "review": act.review.slug,
            **EvaluationOut.model_validate(result).model_dump(mode="json"),
            "against": _COMPARISON.dump_python(comparison, mode="json") if comparison else None,
        }
        act.output.result(data, lambda screen: _show(screen, result, comparison))


def _compare(act: InReview, result: Evaluation) -> OrderComparison:
    ranker = Ranker(act.store, act.settings)
    with act.output.progress("replaying") as progress:
        return comparing.compare_orders(
            ranker, act.store, act.review.id, result.matches, progress=progress
        )


@dataclass(frozen=True, slots=True)
class _ListSource:
    """Where the known relevant records come from: a file, the review's includes, or its list."""

    file: Path | None
    includes: bool
    search_use: str
    ranking_use: str

    def read(self, session: ReadSession, review_id: int) -> GivenList | None:
        """The list; None for the review's own list."""
        if self.includes:
            return GivenList(list_own_includes(session, review_id), "this review's own includes")
        if self.file is None:
            return None
        with self.file.open("rb") as stream:
            records, _ = read_gold_file(
                stream, search_use=self.search_use, ranking_use=self.ranking_use
            )
        return GivenList(records, self.file.name)


def _refuse_empty(known_records: int) -> None:
    if known_records == 0:
        raise Refused(
            "There are no known studies to check against.",
            remedy="Give a list with --gold FILE, or import one with --labels gold.",
        )


def _evaluate_search(act: Acting, *, lookup: bool) -> None:
    """Check the search against known relevant records, and list those that it missed."""
    with act.store.read() as session:
        before = search_check.check_search(session, act.review.id)
    if before.records == 0:
        raise Refused(
            "There are no known studies to check against.",
            remedy="Import a list with --labels gold, or add one in the browser.",
        )
    problem = _look_up(act) if lookup and before.missed else None
    with act.store.read() as session:
        check = search_check.check_search(session, act.review.id)
    search_check.note_shown(act.store, act.review.id, check, person_id=act.person.id)
    dumped = SearchCheckOut.model_validate(check).model_dump(mode="json")
    act.output.result(
        {"review": act.review.slug, "problem": problem, **dumped},
        lambda screen: _show_check(screen, check, problem),
    )


def _look_up(act: Acting) -> str | None:
    """Ask the sources for what was missed; the problem if one does not answer."""
    with act.output.progress("asking the sources") as progress:
        try:
            search_check.look_up_missed(act.store, act.settings, act.review.id, progress=progress)
        except SourceError as error:
            return masked(f"{error.message} {error.remedy}")
    return None


def _show_check(screen: Console, check: Check, problem: str | None) -> None:
    for use in check.uses:
        _show_use(screen, use)
    if problem:
        screen.print(f"Not all sources could be asked: {problem}", markup=False)
    for missed in check.missed:
        _show_missed(screen, missed)
    if any(missed.info.search_use == "validation" for missed in check.missed):
        screen.print(
            "\nIf you now save a new version of the strategy, the studies listed here count "
            "as having shaped it: figures from them are no longer estimates."
        )


def _show_use(screen: Console, use: search_check.Use) -> None:
    screen.print(f"Known studies: {SEARCH_USES[use.use]}", style="bold")
    if use.note:
        screen.print(f"  {use.note}")
    for name, share in (*use.sources.items(), ("all sources", use.union)):
        counts = f"{share.found:,} of {share.counted:,}"
        screen.print(f"  {name}: {counts if use.note else describe_share(share)}", markup=False)
    if not use.note:
        screen.print(f"  {search_check.SAMPLE_NOTE}")
    if use.not_matched or use.out_of_scope:
        screen.print(
            f"  not counted: {use.not_matched} that could not be matched, {use.out_of_scope} "
            "outside the review's limits"
        )


def _show_missed(screen: Console, missed: search_check.Missed) -> None:
    screen.print(f"\nmissed: {missed.info.title or missed.info.doi}", markup=False)
    if missed.text_rejected_by:
        lines = ", ".join(f"#{line}" for line in missed.text_rejected_by)
        screen.print(f"  its text is missed by {lines}", markup=False)
    for name in missed.filtered_at:
        screen.print(f"  {name}: {search_check.FILTERED}", markup=False)
    for name, answer in missed.lookups.items():
        lines = ", ".join(f"#{line}" for line in answer.rejected_by)
        excluded = f", missed by {lines}" if lines else ""
        screen.print(f"  {name}: {answer.state}{excluded}", markup=False)


def _show(screen: Console, result: Evaluation, comparison: OrderComparison | None) -> None:
    screen.print(f"Checked against {result.list_name} (known studies: {result.records})")
    screen.print(f"Order of the unread records: {result.order}")
    _show_outcome(screen, result.outcome)
    _show_search(screen, result.search)
    for name, share in result.sources.items():
        screen.print(f"  {name} brought {share.found:,} of {share.counted:,}", markup=False)
    _show_screening(screen, result.screening)
    _show_order(screen, result.screening, comparison)
    _show_kinds(screen, result.kinds)
    _show_drift(screen, result.drift)


def _show_outcome(screen: Console, outcome: KnownOutcome) -> None:
    screen.print("\nFrom end to end:")
    if outcome.note:
        screen.print(f"  {outcome.note}", markup=False)
    for name, share in (
        ("included", outcome.included),
        ("included or still undecided", outcome.included_or_undecided),
        ("reached (read)", outcome.reached),
    ):
        screen.print(f"  {name}: {describe_share(share, 'known studies')}", markup=False)
    screen.print(
        f"  excluded {outcome.excluded:,}, not among the records {outcome.missing:,}; "
        f"not counted: {outcome.not_matched:,} that could not be matched, "
        f"{outcome.out_of_scope:,} outside the review's limits"
    )
    if not outcome.note:
        screen.print(f"  {search_check.SAMPLE_NOTE}")


def _show_kinds(screen: Console, kinds: Sequence[Kind]) -> None:
    if not kinds:
        return
    table = Table(
        *("kind", "", "found by the searches", "included or maybe"),
        *("of those found, reached after 10 %", "mean place", ""),
    )
    for attribute, own in itertools.groupby(kinds, key=lambda kind: kind.attribute):
        for number, kind in enumerate(own):
            behind = [
                word
                for word, yes in (("search", kind.search_behind), ("order", kind.order_behind))
                if yes
            ]
            table.add_row(
                attribute if number == 0 else "",
                kind.value,
                f"{kind.held} of {kind.counted}",
                f"{kind.found} of {kind.relevant}",
                _percent(kind.recall_at.get("10%")),
                _percent(kind.mean_place),
                f"behind the rest: {', '.join(behind)}" if behind else "",
            )
    screen.print()
    screen.print(table, markup=False)


def _show_drift(screen: Console, drift: Drift) -> None:
    if drift.bands:
        last = drift.bands[-1]
        screen.print(
            f"\nAfter {last.share:.0%} of the records read in ranked order, "
            f"{round(last.recall * last.counted):,} of "
            f"{count_noun(last.counted, 'known study', 'known studies')} ({last.recall:.1%}) are "
            "reached; in the 15 most similar replays of finished reviews, a median of "
            f"{last.middle:.1%} of the relevant records (four of five: {last.low:.1%} to "
            f"{last.high:.1%})"
            + ("; lower than in nine of ten, by more than chance" if last.below else "")
        )
    if drift.foreseen:
        foreseen = drift.foreseen
        screen.print(
            f"Of {count_noun(foreseen.records, 'record')} checked, the rankings expected "
            f"{foreseen.expected:.0f} "
            f"to be relevant; {foreseen.found} were (in 95 of 100 reviews {foreseen.low} to "
            f"{foreseen.high})"
            + ("; chance alone does not explain the difference" if foreseen.off else "")
        )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _show_search(screen: Console, search: SearchRecall) -> None:
    screen.print()
    if search.note:
        screen.print(f"Searches: {search.note}")
    found = Share.of(search.found, search.counted)
    counts = f"{search.found:,} of {search.counted:,}"
    screen.print(
        f"Found by the searches: "
        f"{f'{counts} known studies' if search.note else describe_share(found, 'known studies')}"
    )
    if search.out_of_scope or search.undated:
        screen.print(
            f"  {search.out_of_scope} outside the protocol's limits (not counted), "
            f"and {count_noun(search.undated, 'study', 'studies')} without a year among those that "
            "may check the search (counted as if within the limits)"
        )
    for match in search.missing[:20]:
        screen.print(f"  missing: {match.known.title or match.known.doi}", markup=False)
    for match in search.not_matched[:20]:
        screen.print(
            f"  not matched: {match.known.title or match.known.doi} ({match.how})", markup=False
        )


def _estimate(figure: Estimate) -> str:
    return f"{figure.value:.1%} (95 % interval {figure.low:.1%} to {figure.high:.1%})"


def _show_screening(screen: Console, screening: ScreeningRecall) -> None:
    screen.print()
    if screening.note:
        screen.print(f"Screening: {screening.note}")
    screen.print(
        f"Screening: {count_noun(screening.relevant, 'known study', 'known studies')} that may "
        f"check the order, among {count_noun(screening.reports, 'record')} "
        f"(shown to the ranking and left out: {screening.seeds}; "
        f"outside the limits: {screening.out_of_scope}; "
        f"not shown to the ranking and without a year: {screening.undated}; without a place in the "
        f"order, because they are not among the records, could not be matched or are on the list "
        f"twice: {screening.unplaced})"
    )
    screen.print(f"  of these records, {screening.read:,} have been read")
    if screening.imported:
        screen.print(f"  left out because their decisions came with a file: {screening.imported:,}")


def _show_order(
    screen: Console, screening: ScreeningRecall, comparison: OrderComparison | None
) -> None:
    """How early the order reaches the known relevant records."""
    if not screening.relevant or screening.wss95 is None or screening.atd is None:
        return
    others = list(comparison.orders) if comparison else []
    known = count_noun(screening.relevant, "known study", "known studies")
    table = Table("records read", f"share of the {known} reached", "random order", *others)
    for depth, recall in screening.recall_at.items():
        replayed = (
            [f"{comparison.recall_at(name, depth):.1%}" for name in others] if comparison else []
        )
        table.add_row(depth, _estimate(recall), _percent(recall.random), *replayed)
    screen.print(table)
    if comparison:
        screen.print(f"  {comparison.note}")
    screen.print(f"  WSS@95 {_estimate(screening.wss95)}, WSS@100 {_percent(screening.wss100)}")
    screen.print(
        f"  a known study is reached after {_estimate(screening.atd)} of the records on average "
        f"(ATD; random {_percent(screening.atd.random)})"
    )
    screen.print(
        f"  95 % reached after {screening.reads_to_95} records, 100 % after "
        f"{screening.reads_to_100} of {screening.reports}"
    )
    if screening.late:
        late = ", ".join(
            f"report {late.report_id} at place {late.place}" for late in screening.late[:_LATE]
        )
        more = len(screening.late) - _LATE
        tail = f" and {more:,} more" if more > 0 else ""
        screen.print(
            f"  not read yet, the last first (`winnow explain REPORT` says why): {late}{tail}"
        )
