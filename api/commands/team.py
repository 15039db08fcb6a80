"""winnow team: the people of a review, their roles, and invitations."""

from __future__ import annotations

from typing import Annotated

import typer

from api.commands.links import address
from api.commands.output import (
    AsOption,
    Json,
    ReviewOption,
    command,
    find_person,
    find_review,
    opened,
    settings,
)
from api.services import team as inviting
from store import members, people
from store.roles import as_role

app = typer.Typer(
    help="The people of a review and their roles. Whoever runs the server may give any role.",
    no_args_is_help=True,
)
RoleOption = Annotated[
    str, typer.Option("--role", help="owner, manager, adjudicator, reviewer or viewer.")
]


@app.command("list")
def list_team(review: ReviewOption = None, as_json: Json = False) -> None:
    """List a review's people, and the invitations that can still be used."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = find_review(session, review)
        everyone = members.everyone(session, found.id)
        invited = members.invitations(session, found.id)
        lines = [f"{each.name}: {each.role}" for each in everyone]
        lines += [
            f"invited as {each.role} by {each.invited_by}, until {each.expires_at:%Y-%m-%d %H:%M} "
            f"UTC: {each.note or 'not stated for whom'}"
            for each in invited
        ]
        output.result(
            {
                "review": found.slug,
                "people": [{"name": each.name, "role": each.role} for each in everyone],
                "invitations": [
                    {
                        "id": each.id,
                        "role": each.role,
                        "note": each.note,
                        "expires_at": each.expires_at.isoformat(),
                    }
                    for each in invited
                ],
            },
            lambda screen: screen.print("\n".join(lines), markup=False, soft_wrap=True),
        )


@app.command("set")
def set_role(
    name: Annotated[str, typer.Argument(help="A person who is known to this server.")],
    role: RoleOption = "reviewer",
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Take a person into a review, or give them another role."""
    with command(as_json) as output, opened() as store, store.write() as session:
        found = find_review(session, review)
        person = people.by_name(session, name)
        members.add(session, found.id, person.id, as_role(role), by=None)
        output.result(
            {"review": found.slug, "person": person.name, "role": role},
            lambda screen: screen.print(
                f"{person.name} is {role} of {found.slug}.", markup=False, soft_wrap=True
            ),
        )


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="One of the review's people.")],
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Take a person out of a review: decisions stay, the cards they hold go back."""
    with command(as_json) as output, opened() as store, store.write() as session:
        found = find_review(session, review)
        person = people.by_name(session, name)
        members.remove(session, found.id, person.id, by=None)
        output.result(
            {"review": found.slug, "person": person.name, "removed": True},
            lambda screen: screen.print(
                f"{person.name} is no longer of {found.slug}.", markup=False, soft_wrap=True
            ),
        )


@app.command("invite")
def invite(
    role: RoleOption = "reviewer",
    note: Annotated[str | None, typer.Option(help="For whom; only for the list.")] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Print a link into a review, good for one use; whoever opens it needs no account before."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store, store.write() as session:
            found = find_review(session, review)
            person = find_person(session, actor)
            info, secret = inviting.invite(
                session, chosen, found.id, as_role(role), by=person.id, note=note
            )
        link = inviting.link(address(chosen), secret)
        output.result(
            {
                "review": found.slug,
                "role": role,
                "link": link,
                "expires_at": info.expires_at.isoformat(),
            },
            lambda screen: screen.print(link, markup=False, soft_wrap=True),
        )
