"""winnow rank, explain, queue, decide."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from api.commands.output import Acting, AsOption, Json, Refused, ReviewOption, acting, in_review
from api.schemas.screening import CardLine, QueueEndOut, RankingLine
from api.services.ranking.explaining import NAMES
from api.services.ranking.ranker import Explained, Ranker
from api.services.screening import cards, deciding
from api.services.screening.cards import CardHand, CardRequest, Queues
from api.services.screening.deciding import RecordedDecision
from api.services.screening.queue_ends import describe_end
from api.wording import count_noun
from store.reports import records
from store.screening.decisions import DECISIONS, NewDecision


def rank(review: ReviewOption = None, as_json: Json = False) -> None:
    """Rank a review's undecided records now."""
    with in_review(as_json, review) as run:
        ranker = Ranker(run.store, run.settings)
        with run.output.progress("encoding texts") as progress:
            ranking = ranker.rank(run.review.id, progress=progress)
        if ranking is None:
            raise Refused(
                "The review holds no records.", remedy="Import some with `winnow import FILE`."
            )
        basis = (
            "closeness to the protocol's question, criteria and seeds (no model yet)"
            if ranking.cold_start
            else (
                f"{count_noun(ranking.n_decisions, 'decision')}, "
                f"{ranking.n_include:,} of them include or maybe"
            )
        )
        run.output.result(
            {"review": run.review.slug, **RankingLine.model_validate(ranking).model_dump()},
            lambda screen: screen.print(
                f"{count_noun(ranking.size, 'record')} ranked by {ranking.pipeline} in "
                f"{ranking.seconds:.2f} s, from {basis}."
            ),
        )


def explain(
    report: Annotated[int, typer.Argument(help="Number of the record in `winnow queue`.")],
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Explain a record's place: what each view adds, by words or by similar records."""
    with in_review(as_json, review) as run:
        ranker = Ranker(run.store, run.settings)
        with run.output.progress("encoding texts") as progress:
            explained = ranker.explain(run.review.id, report, progress=progress)
        if explained is None:
            raise Refused(
                "No model is fitted yet; the order is closeness to the protocol's texts.",
                remedy="Decide at least one relevant and one irrelevant record first.",
            )
        run.output.result(
            {"review": run.review.slug, "report": report, **asdict(explained)},
            lambda screen: _show_explained(screen, explained),
        )


def _show_explained(screen: Console, explained: Explained) -> None:
    where = "decided" if explained.place is None else f"place {explained.place}"
    screen.print(
        f"{explained.title or '(no title)'} ({where}, score {explained.explanation.score:+.2f})",
        markup=False,
    )
    for part in explained.explanation.parts:
        screen.print(f"  {part.adds:+.2f}  {NAMES.get(part.name, part.name)}", markup=False)
        if part.terms:
            terms = ", ".join(f"{term} {value:+.2f}" for term, value in part.terms)
            screen.print(f"         {terms}", markup=False)
        for near in part.nearest:
            kind = "relevant" if near.relevant else "irrelevant"
            title = explained.titles[near.row] or "(no title)"
            screen.print(f"         {near.closeness:.2f} to {kind}: {title}", markup=False)


def queue(
    number: Annotated[int, typer.Option("--n", min=1, max=200, help="How many cards.")] = 10,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Show the next records to screen, and hold them for you."""
    with acting(as_json, review, actor) as run:
        request = CardRequest(number, run.settings.lease_minutes)
        hand = cards.lease_next_cards(run.store, Queues(), run.review.id, run.person.id, request)
        run.output.result(
            {
                "review": run.review.slug,
                "ranking": hand.ranking.id if hand.ranking else None,
                "decisions": hand.ranking.n_decisions if hand.ranking else None,
                "cards": [CardLine.model_validate(card).model_dump() for card in hand.cards],
                "remaining": hand.remaining,
                "end": QueueEndOut.model_validate(hand.end).model_dump(mode="json")
                if hand.end
                else None,
            },
            lambda screen: _show_hand(screen, hand),
        )


def _show_hand(screen: Console, hand: CardHand) -> None:
    if hand.ranking is None:
        screen.print("Not ranked yet: `winnow rank` puts the records in order.")
    for card in hand.cards:
        record = card.stored.record
        screen.print(
            f"{card.report_id:>7}  {record.title or '(no title)'} ({record.year or 'no year'})",
            markup=False,
        )
    if hand.end is not None:
        screen.print(describe_end(hand.end), markup=False, soft_wrap=True)
    else:
        screen.print(f"{hand.remaining} left for you.")


def decide(
    report: Annotated[int, typer.Argument(help="Number of the record in `winnow queue`.")],
    decision: Annotated[str, typer.Argument(help="include, exclude, maybe or undo.")],
    note: Annotated[str | None, typer.Option(help="A note that stays with the decision.")] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option(help="Key of one of the protocol's reasons for exclusion; repeatable."),
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(
            help="Key of a question it is included for, if the protocol asks; repeatable."
        ),
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Your own id for this decision: sent twice, stored once.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Decide on a record, or undo your own decision on it, or else the latest one."""
    with acting(as_json, review, actor) as run:
        if decision not in (*DECISIONS, "undo"):
            raise Refused(f"A decision must be include, exclude, maybe or undo, not {decision!r}.")
        new = NewDecision(
            token=token or str(uuid.uuid4()),
            report_id=report,
            decision=decision,
            note=note,
            reasons=tuple(reason or ()),
            questions=tuple(question or ()),
            decided_at=dt.datetime.now(dt.UTC),
        )
        recorded = _record(run, new)
        run.wake()
        _report_decision(run, recorded)


def _record(run: Acting, new: NewDecision) -> RecordedDecision:
    if new.decision == "undo":
        return deciding.undo_newest_decision(
            run.store, run.review.id, run.person.id, new.report_id, new.token
        )
    return deciding.record_decision(run.store, run.review.id, run.person.id, new)


def _report_decision(run: Acting, recorded: RecordedDecision) -> None:
    line = recorded.decision
    with run.store.read() as session:
        shown = records.get_representatives(session, run.review.id, [line.report_id])
    active = any(record.active for record in shown.values())
    run.output.result(
        {
            "review": run.review.slug,
            "active": active,
            "decision_id": line.id,
            "report": line.report_id,
            "decision": line.decision,
            "token": line.token,
            "stored": recorded.stored,
            "supersedes": line.supersedes,
            "person": line.person,
        },
        lambda screen: screen.print(
            f"{line.decision} on record {line.report_id}"
            + ("" if recorded.stored else " (stored before; nothing was changed)")
            + ("" if active else "; the record is set aside or withdrawn and does not count")
        ),
    )
