"""People whom imported files name. They cannot sign in; a lead may say which member each one is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import aliased

from store.core import audit
from store.core.errors import NotFound
from store.core.session import ReadSession, WriteSession
from store.core.tables import Identity, ImportedDecision, ImportedPerson, Membership, Person, now
from store.reviews import members, reviews

# The longest name that is stored.
NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class ImportedPersonInfo:
    """A person whom a file names.

    Attributes:
        tool: the tool that wrote the file; None if it is not known.
        mapped_to: id of the member who they are; None if no lead has said so.
        member: that member's name.
        decisions: how many decisions the files give them.
    """

    id: int
    name: str
    tool: str | None
    mapped_to: int | None
    member: str | None
    decisions: int


def person_name(person_id: Any) -> Any:
    """A column with a person's name: of the member, or of the person whom a file names.

    Args:
        person_id: a column with ids of people.
    """
    own, member = aliased(Identity), aliased(Identity)
    imported, mapped = aliased(ImportedPerson), aliased(ImportedPerson)
    return func.coalesce(
        select(own.name).where(own.person_id == person_id).scalar_subquery(),
        select(member.name)
        .join(mapped, mapped.mapped_to == member.person_id)
        .where(mapped.person_id == person_id)
        .scalar_subquery(),
        select(imported.name).where(imported.person_id == person_id).scalar_subquery(),
    )


def find_or_create_people(
    session: WriteSession, review_id: int, names: Iterable[str], *, tool: str | None
) -> dict[str, int]:
    """The ids of the people with these names in a review's files; new ones are created.

    A name in several files is the same person. No account with that name is meant.
    """
    reviews.lock_review(session, review_id)
    rows = session.execute(
        select(ImportedPerson.name, ImportedPerson.person_id).where(
            ImportedPerson.review_id == review_id
        )
    )
    known = {row.name: row.person_id for row in rows}
    wanted = list(dict.fromkeys(names))
    missing = [
        stored
        for stored in dict.fromkeys(name[:NAME_LENGTH] for name in wanted)
        if stored not in known
    ]
    if missing:
        moment = now()
        ids = session.scalars(
            insert(Person).returning(Person.id, sort_by_parameter_order=True),
            [{"created_at": moment} for _ in missing],
        ).all()
        session.execute(
            insert(ImportedPerson),
            [
                {
                    "person_id": person_id,
                    "review_id": review_id,
                    "name": stored,
                    "tool": tool,
                    "created_at": moment,
                }
                for stored, person_id in zip(missing, ids, strict=True)
            ],
        )
        known.update(zip(missing, ids, strict=True))
    return {name: known[name[:NAME_LENGTH]] for name in wanted}


def list_imported_people(session: ReadSession, review_id: int) -> list[ImportedPersonInfo]:
    """The people whom a review's files name, by name."""
    counts = (
        select(ImportedDecision.person_id, func.count().label("n"))
        .where(ImportedDecision.review_id == review_id)
        .group_by(ImportedDecision.person_id)
        .subquery()
    )
    rows = session.execute(
        select(ImportedPerson, Identity.name, counts.c.n)
        .outerjoin(Identity, Identity.person_id == ImportedPerson.mapped_to)
        .outerjoin(counts, counts.c.person_id == ImportedPerson.person_id)
        .where(ImportedPerson.review_id == review_id)
        .order_by(ImportedPerson.name)
    )
    return [
        ImportedPersonInfo(row.person_id, row.name, row.tool, row.mapped_to, member, n or 0)
        for row, member, n in rows
    ]


def map_person(
    session: WriteSession, review_id: int, person_id: int, member_id: int | None, *, by: int | None
) -> None:
    """Say which member a person of a file is, or that they are none.

    Lists and exports then show the member's name. The decisions stay what they are: they enter no
    agreement, plan or pilot round, since nobody made them here.

    Args:
        session: a writing session.
        review_id: the review.
        person_id: the person whom the file names.
        member_id: one of the review's people; None takes an earlier answer back.
        by: the lead who says so; None for the administrator of the server.

    Raises:
        NotAllowed: ``by`` does not lead the review.
        NotFound: the review's files name no such person, or it has no such member.
    """
    reviews.lock_review(session, review_id)
    if by is not None:
        members.require_role(session, review_id, by, "lead")
    row = session.get(ImportedPerson, person_id, populate_existing=True)
    if row is None or row.review_id != review_id:
        raise NotFound(f"the review's files name no person {person_id}")
    if member_id is not None and session.get(Membership, (review_id, member_id)) is None:
        raise NotFound(f"person {member_id} is not one of the review's people; invite them first")
    if row.mapped_to == member_id:
        return
    before, row.mapped_to = row.mapped_to, member_id
    session.flush()
    audit.append_event(
        session,
        "person.mapped",
        review_id=review_id,
        person_id=by,
        detail={"imported": person_id, "member": member_id, "before": before},
    )
