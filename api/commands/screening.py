"""winnow rank, explain, queue, decide."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from api.commands.output import (
    AsOption,
    Json,
    Refused,
    ReviewOption,
    command,
    find_person,
    find_review,
    opened,
    settings,
)
from api.services import screening
from api.services.explaining import NAMES
from api.services.ranking import Explained, Ranker
from api.wake import wake
from store import decisions, records


def rank(review: ReviewOption = None, as_json: Json = False) -> None:
    """Rank a review's undecided records now."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                found = find_review(session, review)
            ranker = Ranker(store, chosen)
            with output.progress("encoding texts") as progress:
                ranking = ranker.rank(found.id, progress=progress)
        if ranking is None:
            raise Refused(
                "The review holds no records.", remedy="Import some with `winnow import FILE`."
            )
        how = (
            "closeness to the protocol's question, criteria and seeds (no model yet)"
            if ranking.cold_start
            else f"{ranking.n_decisions} decisions, {ranking.n_include} of them relevant"
        )
        output.result(
            {
                "review": found.slug,
                "ranking": ranking.id,
                "pipeline": ranking.pipeline,
                "pipeline_hash": ranking.pipeline_hash,
                "encoder": ranking.encoder,
                "seed": ranking.seed,
                "reports": ranking.size,
                "decisions": ranking.n_decisions,
                "cold_start": ranking.cold_start,
                "warm": ranking.warm,
                "order_hash": ranking.order_hash,
                "seconds": round(ranking.seconds, 4),
            },
            lambda screen: screen.print(
                f"{ranking.size} records ranked by {ranking.pipeline} in {ranking.seconds:.2f} s, "
                f"from {how}."
            ),
        )


def explain(
    report: Annotated[int, typer.Argument(help="Report, as `winnow queue` numbers it.")],
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Say why a record stands where it does: what each view adds, by words or by records."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                found = find_review(session, review)
            with output.progress("encoding texts") as progress:
                explained = Ranker(store, chosen).explain(found.id, report, progress=progress)
        if explained is None:
            raise Refused(
                "No model is fitted yet; the order is closeness to the protocol's texts.",
                remedy="Decide at least one relevant and one irrelevant record first.",
            )
        output.result(
            {"review": found.slug, "report": report, **asdict(explained)},
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
            words = ", ".join(f"{term} {value:+.2f}" for term, value in part.terms)
            screen.print(f"         {words}", markup=False)
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
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store, store.write() as session:
            person = find_person(session, actor)
            found = find_review(session, review)
            hand = screening.next_cards(
                session,
                screening.Orders(),
                found.id,
                person.id,
                number=number,
                keep=(),
                lease_minutes=chosen.lease_minutes,
            )
        cards = [
            {
                "report": card.report_id,
                "place": card.place,
                "score": card.score,
                "title": card.stored.record.title,
                "year": card.stored.record.year,
                "venue": card.stored.record.venue,
                "abstract": card.stored.record.abstract,
                "flags": list(card.stored.record.flags),
            }
            for card in hand.cards
        ]

        def show(screen: Console) -> None:
            if hand.ranking is None:
                screen.print("Not ranked yet: `winnow rank` orders them.")
            for card in hand.cards:
                record = card.stored.record
                screen.print(
                    f"{card.report_id:>7}  {record.title or '(no title)'}"
                    f" ({record.year or 'no year'})",
                    markup=False,
                )
            screen.print(f"{hand.remaining} undecided.")

        output.result(
            {
                "review": found.slug,
                "ranking": hand.ranking.id if hand.ranking else None,
                "decisions": hand.ranking.n_decisions if hand.ranking else None,
                "cards": cards,
                "remaining": hand.remaining,
            },
            show,
        )


def decide(
    report: Annotated[
        int, typer.Argument(help="Number of the record, as `winnow queue` shows it.")
    ],
    decision: Annotated[str, typer.Argument(help="include, exclude, maybe or undo.")],
    note: Annotated[str | None, typer.Option(help="A note that stays with the decision.")] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option(help="Key of a reason for exclusion of the protocol; repeatable."),
    ] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(
            help="Key of a question that it is included for, where the protocol asks; repeatable."
        ),
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Your own id for this decision: sent twice, stored once.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Decide on a record, or undo the decision that counts on it."""
    with command(as_json) as output:
        if decision not in (*decisions.DECISIONS, "undo"):
            raise Refused(
                f"A decision is include, exclude, maybe or undo, not {decision!r}.",
            )
        token = token or str(uuid.uuid4())
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                person = find_person(session, actor)
                found = find_review(session, review)
                holding = decisions.own_on(session, report, person.id)
                holding = holding or decisions.holding(session, report)
            if decision == "undo":
                if holding is None:
                    raise Refused(f"There is no decision on record {report} to undo.")
                done, stored = screening.undo(store, found.id, person.id, holding, token)
            else:
                done, stored = screening.decide(
                    store,
                    found.id,
                    person.id,
                    decisions.NewDecision(
                        token=token,
                        report_id=report,
                        decision=decision,
                        note=note,
                        reasons=tuple(reason or ()),
                        questions=tuple(question or ()),
                        decided_at=dt.datetime.now(dt.UTC),
                    ),
                )
            with store.read() as session:
                shown = records.by_reports(session, found.id, [done.report_id])
            active = any(each.active for each in shown.values())
            wake(store, chosen.data_dir)
        output.result(
            {
                "review": found.slug,
                "active": active,
                "decision_id": done.id,
                "report": done.report_id,
                "decision": done.decision,
                "token": done.token,
                "stored": stored,
                "supersedes": done.supersedes,
                "person": done.person,
            },
            lambda screen: screen.print(
                f"{done.decision} on record {done.report_id}"
                + ("" if stored else " (stored before; nothing was changed)")
                + ("" if active else "; the record is filtered or withdrawn and does not count")
            ),
        )
