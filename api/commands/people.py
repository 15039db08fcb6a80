"""winnow user: people, login links, passwords, API tokens."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from api.commands.links import login_url
from api.commands.output import (
    AsOption,
    Json,
    Output,
    command,
    find_person,
    opened,
    settings,
)
from api.services.reviews import accounts
from api.settings import Settings
from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo
from store.rules.person_names import list_look_alikes

app = typer.Typer(help="People, login links, passwords and API tokens.", no_args_is_help=True)
tokens = typer.Typer(help="API tokens.", no_args_is_help=True)
app.add_typer(tokens, name="token")


@dataclass(frozen=True, slots=True)
class _Account:
    """A command about one person."""

    output: Output
    settings: Settings
    store: Store
    person: PersonInfo


@contextmanager
def _account(as_json: bool, actor: str | None) -> Iterator[_Account]:
    """Run a command about a person; errors become a message, a remedy and exit code 1."""
    with command(as_json) as output:
        chosen = settings()
        with opened(chosen) as store:
            with store.read() as session:
                person = find_person(session, actor)
            yield _Account(output, chosen, store, person)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The person's name.")], as_json: Json = False
) -> None:
    """Add a person."""
    with command(as_json) as output, opened() as store:
        person = accounts.add_person(store, name)
        with store.read() as session:
            known = [each.name for each in people.list_people(session)]
        alike = [pair for pair in list_look_alikes(known) if person.name in pair]

        def show(screen: Console) -> None:
            screen.print(
                f"Added {person.name}. For a login link: winnow user link --as '{person.name}'",
                markup=False,
            )
            for pair in alike:
                screen.print(f"{pair[0]} and {pair[1]} look alike: check both.", markup=False)

        output.result({"person": person.name, "id": person.id}, show)


@app.command("list")
def list_people(as_json: Json = False) -> None:
    """List all people."""
    with command(as_json) as output, opened() as store:
        with store.read() as session:
            listed = people.list_people(session)
        output.result(
            {"people": [{"id": person.id, "name": person.name} for person in listed]},
            lambda screen: screen.print("\n".join(p.name for p in listed), markup=False),
        )


@app.command("link")
def link(actor: AsOption = None, as_json: Json = False) -> None:
    """Print a login link that works once, within `login_link_minutes` (15 unless you change it)."""
    with _account(as_json, actor) as account:
        url = login_url(account.store, account.settings, account.person)
        account.output.result(
            {
                "person": account.person.name,
                "login": url,
                "minutes": account.settings.login_link_minutes,
            },
            lambda screen: screen.print(url, markup=False, soft_wrap=True),
        )


@app.command("password")
def password(
    actor: AsOption = None,
    stdin: Annotated[bool, typer.Option(help="Read it from standard input.")] = False,
    as_json: Json = False,
) -> None:
    """Set a password; the person is signed out everywhere."""
    with _account(as_json, actor) as account:
        if stdin:
            secret = sys.stdin.readline().rstrip("\n")
        else:
            secret = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        accounts.set_password(account.store, account.person.id, secret)
        name = account.person.name
        account.output.result(
            {"person": name, "password": "set"},
            lambda screen: screen.print(f"Password of {name} set.", markup=False),
        )


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    actor: AsOption = None,
    as_json: Json = False,
) -> None:
    """Create an API token; it is shown only once."""
    with _account(as_json, actor) as account:
        new = accounts.create_token(account.store, account.person.id, name)
        account.output.result(
            {
                "person": account.person.name,
                "id": new.info.id,
                "name": new.info.name,
                "token": new.secret,
            },
            lambda screen: screen.print(new.secret, markup=False, soft_wrap=True),
        )


@tokens.command("list")
def list_tokens(actor: AsOption = None, as_json: Json = False) -> None:
    """List a person's API tokens."""
    with _account(as_json, actor) as account:
        with account.store.read() as session:
            listed = people.list_tokens(session, account.person.id)
        rows = [
            {
                "id": token.id,
                "name": token.name,
                "created_at": token.created_at.isoformat(),
                "revoked": token.revoked_at is not None,
            }
            for token in listed
        ]
        account.output.result(
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
    """Revoke an API token."""
    with _account(as_json, actor) as account:
        accounts.revoke_token(account.store, account.person.id, token_id)
        account.output.result(
            {"id": token_id, "revoked": True},
            lambda screen: screen.print(f"Token {token_id} is revoked."),
        )
