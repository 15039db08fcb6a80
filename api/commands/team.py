"""winnow team: the people of a review, their roles, and invitations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.commands.links import address
from api.commands.output import AsOption, Json, Refused, ReviewOption, acting, in_review
from api.services.reviews import invitations, membership
from api.services.reviews.invitations import InvitationRequest
from api.services.screening.switching import switch_to_one_person
from api.wording import count_noun, describe_share
from store.reviews import imported_people, members, people
from store.reviews import invitations as stored_invitations
from store.rules.roles import parse_role

app = typer.Typer(
    help="The people of a review and their roles. On the command line any role can be given.",
    no_args_is_help=True,
)
RoleOption = Annotated[
    str, typer.Option("--role", help="owner, manager, adjudicator, reviewer or viewer.")
]


@app.command("list")
def list_team(review: ReviewOption = None, as_json: Json = False) -> None:
    """List a review's people, and the invitations that can still be used."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            team = members.list_members(session, run.review.id)
            valid = stored_invitations.list_invitations(session, run.review.id)
        lines = [
            f"{member.name}: {member.role}{'' if member.screens else ', does not screen'}"
            for member in team
        ]
        lines += [
            f"invited as {invitation.role} by {invitation.invited_by}, until "
            f"{invitation.expires_at:%Y-%m-%d %H:%M} UTC: "
            f"{invitation.note or 'not stated who it is for'}"
            for invitation in valid
        ]
        run.output.result(
            {
                "review": run.review.slug,
                "people": [
                    {"name": member.name, "role": member.role, "screens": member.screens}
                    for member in team
                ],
                "invitations": [
                    {
                        "id": invitation.id,
                        "role": invitation.role,
                        "note": invitation.note,
                        "expires_at": invitation.expires_at.isoformat(),
                    }
                    for invitation in valid
                ],
            },
            lambda screen: screen.print("\n".join(lines), markup=False, soft_wrap=True),
        )


@app.command("set")
def set_role(
    name: Annotated[str, typer.Argument(help="A person with an account on this server.")],
    role: RoleOption = "reviewer",
    screens: Annotated[
        bool | None,
        typer.Option(help="Whether they screen. Plans, pilots and hours count only people who do."),
    ] = None,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Add a person to a review, give them another role, or say whether they screen."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            person = people.get_person_by_name(session, name)
        store, review_id = run.store, run.review.id
        team = membership.set_role(store, review_id, person.id, parse_role(role), by=None)
        if screens is not None:
            team = membership.set_screens(store, review_id, person.id, screens=screens, by=None)
        (member,) = (each for each in team if each.id == person.id)
        note = "" if member.screens else " and does not screen"
        run.output.result(
            {
                "review": run.review.slug,
                "person": person.name,
                "role": role,
                "screens": member.screens,
            },
            lambda screen: screen.print(
                f"{person.name} is now {role} in {run.review.slug}{note}.",
                markup=False,
                soft_wrap=True,
            ),
        )


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="One of the review's people.")],
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Remove a person from a review: their decisions stay, their cards go to the others."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            person = people.get_person_by_name(session, name)
        membership.remove_member(run.store, run.review.id, person.id, by=None)
        run.output.result(
            {"review": run.review.slug, "person": person.name, "removed": True},
            lambda screen: screen.print(
                f"{person.name} is no longer in {run.review.slug}.", markup=False, soft_wrap=True
            ),
        )


@app.command("imported")
def list_imported(review: ReviewOption = None, as_json: Json = False) -> None:
    """List the people whom imported files name; nobody can sign in as one of them."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            named = imported_people.list_imported_people(session, run.review.id)
        lines = [
            f"{each.name} ({each.tool or 'a file'}): {count_noun(each.decisions, 'decision')}"
            f"{f', is {each.member}' if each.member else ''}"
            for each in named
        ]
        run.output.result(
            {"review": run.review.slug, "people": [asdict(each) for each in named]},
            lambda screen: screen.print(
                "\n".join(lines) or "No imported file names anybody.", markup=False, soft_wrap=True
            ),
        )


@app.command("map")
def map_person(
    imported: Annotated[str, typer.Argument(help="A name in an imported file.")],
    name: Annotated[
        str | None, typer.Argument(help="The member; leave it out to undo an earlier answer.")
    ] = None,
    review: ReviewOption = None,
    as_json: Json = False,
) -> None:
    """Say which member a person named in an imported file is; lists then show that name."""
    with in_review(as_json, review) as run:
        with run.store.read() as session:
            named = imported_people.list_imported_people(session, run.review.id)
            member = people.get_person_by_name(session, name) if name else None
        found = next((each for each in named if each.name == imported), None)
        if found is None:
            raise Refused(
                f"No imported file names {imported!r}; the names are: "
                f"{', '.join(each.name for each in named) or 'none'}."
            )
        member_id = member.id if member else None
        membership.map_imported_person(run.store, run.review.id, found.id, member_id, by=None)
        text = f"{imported} is {member.name}." if member else f"{imported} is not in the team."
        run.output.result(
            {
                "review": run.review.slug,
                "imported": imported,
                "member": member.name if member else None,
            },
            lambda screen: screen.print(text, markup=False, soft_wrap=True),
        )


@app.command("switch")
def switch(
    reason: Annotated[
        str | None, typer.Option(help="Why; needed if agreement is below the threshold.")
    ] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Switch from two people for every record to one, once they agree well enough."""
    with acting(as_json, review, actor) as run:
        state = switch_to_one_person(
            run.store, run.review.id, reason=reason, person_id=run.person.id
        )
        run.output.result(
            {
                "review": run.review.slug,
                "records": state.records,
                "in_common": {
                    "found": state.in_common.found,
                    "counted": state.in_common.counted,
                },
                "threshold": state.threshold,
                "reached": state.reached,
            },
            lambda screen: screen.print(
                f"One person now decides each record. Includes in common: "
                f"{describe_share(state.in_common)}.",
                markup=False,
                soft_wrap=True,
            ),
        )


@app.command("invite")
def invite(
    role: RoleOption = "reviewer",
    note: Annotated[str | None, typer.Option(help="Who it is for; shown in the list.")] = None,
    review: ReviewOption = None,
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Print an invitation link that works once; the person needs no account yet."""
    with acting(as_json, review, actor) as run:
        request = InvitationRequest(parse_role(role), note)
        created = invitations.invite_person(
            run.store, run.settings, run.review.id, request, by=run.person.id
        )
        link = created.link(address(run.settings))
        run.output.result(
            {
                "review": run.review.slug,
                "role": role,
                "link": link,
                "expires_at": created.info.expires_at.isoformat(),
            },
            lambda screen: screen.print(link, markup=False, soft_wrap=True),
        )
