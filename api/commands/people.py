"""winnow user: people, login links, passwords, API tokens."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.commands.links import login_url
from api.commands.output import AsOption, Json, Refused, command, find_person, opened, settings
from api.security import check_password, hash_password
from store import audit, people

app = typer.Typer(help="People, login links, passwords and API tokens.", no_args_is_help=True)
tokens = typer.Typer(help="API tokens.", no_args_is_help=True)
app.add_typer(tokens, name="token")


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The person's name.")], as_json: Json = False
) -> None:
    """Add a person."""
    with command(as_json) as output, opened() as store:
        if not name.strip() or len(name) > 200:
            raise Refused("A name has 1 to 200 characters.")
        with store.write() as session:
            person = people.create(session, name.strip())
            audit.append(session, "person.added", detail={"person": person.id})
        output.result(
            {"person": person.name, "id": person.id},
            lambda screen: screen.print(
                f"Added {person.name}. A login link: winnow user link --as '{person.name}'",
                markup=False,
            ),
        )


@app.command("list")
def everyone(as_json: Json = False) -> None:
    """List all people."""
    with command(as_json) as output, opened() as store, store.read() as session:
        found = people.everyone(session)
        output.result(
            {"people": [{"id": person.id, "name": person.name} for person in found]},
            lambda screen: screen.print("\n".join(p.name for p in found), markup=False),
        )


@app.command("link")
def link(actor: AsOption = None, as_json: Json = False) -> None:
    """Print a new login link: good for one use, for a quarter of an hour."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                person = find_person(session, actor)
            url = login_url(store, chosen, person)
        output.result(
            {"person": person.name, "login": url, "minutes": chosen.login_link_minutes},
            lambda screen: screen.print(url, markup=False, soft_wrap=True),
        )


@app.command("password")
def password(
    actor: AsOption = None,
    stdin: Annotated[bool, typer.Option(help="Read it from standard input.")] = False,
    as_json: Json = False,
) -> None:
    """Set a password; the person is signed out everywhere."""
    with command(as_json) as output, opened() as store:
        with store.read() as session:
            person = find_person(session, actor)
        if stdin:
            secret = sys.stdin.readline().rstrip("\n")
        else:
            secret = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        check_password(secret)
        with store.write() as session:
            people.set_password_hash(session, person.id, hash_password(secret))
            audit.append(session, "person.password", person_id=person.id)
        output.result(
            {"person": person.name, "password": "set"},
            lambda screen: screen.print(f"Password of {person.name} set.", markup=False),
        )


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Make an API token; it is shown this once."""
    with command(as_json) as output, opened() as store, store.write() as session:
        person = find_person(session, actor)
        info, secret = people.make_token(session, person.id, name)
        audit.append(session, "token.created", person_id=person.id, detail={"name": name})
        output.result(
            {"person": person.name, "id": info.id, "name": info.name, "token": secret},
            lambda screen: screen.print(secret, markup=False, soft_wrap=True),
        )


@tokens.command("list")
def list_tokens(actor: AsOption = None, as_json: Json = False) -> None:
    """List a person's API tokens."""
    with command(as_json) as output, opened() as store, store.read() as session:
        person = find_person(session, actor)
        found = people.tokens(session, person.id)
        rows = [
            {
                "id": info.id,
                "name": info.name,
                "created_at": info.created_at.isoformat(),
                "revoked": info.revoked_at is not None,
            }
            for info in found
        ]
        output.result(
            {"tokens": rows},
            lambda screen: screen.print(
                "\n".join(f"{row['id']:>4}  {row['name']}" for row in rows), markup=False
            ),
        )


@tokens.command("revoke")
def revoke_token(
    token_id: Annotated[int, typer.Argument(help="Number of the token.")],
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Make an API token useless."""
    with command(as_json) as output, opened() as store, store.write() as session:
        person = find_person(session, actor)
        people.revoke_token(session, person.id, token_id)
        audit.append(session, "token.revoked", person_id=person.id, detail={"token": token_id})
        output.result(
            {"id": token_id, "revoked": True},
            lambda screen: screen.print(f"Token {token_id} is revoked."),
        )
