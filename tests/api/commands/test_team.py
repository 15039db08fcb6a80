"""`winnow team` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from api.cli import app as cli
from api.settings import Settings
from store.core.session import Store
from store.reviews.reviews import ReviewInfo


def test_the_team_is_managed_on_the_command_line(
    settings: Settings, store: Store, review: ReviewInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINNOW_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("WINNOW_DATABASE_URL", settings.database_url)

    def run(*words: str) -> dict[str, object]:
        done = CliRunner().invoke(cli, [*words, "--json"])
        assert done.exit_code == 0, done.output
        found: dict[str, object] = json.loads(done.stdout)
        return found

    refused: Callable[..., str] = lambda *words: CliRunner().invoke(cli, [*words]).output  # noqa: E731 - two lines of test
    run("user", "add", "bo")
    assert run("team", "set", "bo", "--role", "manager")["role"] == "manager"
    assert "role must be one of" in refused("team", "set", "bo", "--role", "boss")
    assert "no person named" in refused("team", "set", "nobody")
    made = run("team", "invite", "--role", "owner", "--as", "ada", "--note", "for Cy")
    assert "/invitation?link=" in str(made["link"])
    assert "cannot invite somebody as an owner" in refused(
        "team", "invite", "--role", "owner", "--as", "bo"
    )
    listed = run("team", "list")
    assert listed["people"] == [
        {"name": "ada", "role": "owner", "screens": True},
        {"name": "bo", "role": "manager", "screens": True},
    ]
    assert run("team", "set", "bo", "--role", "manager", "--no-screens")["screens"] is False
    assert "bo: manager, does not screen" in CliRunner().invoke(cli, ["team", "list"]).output
    assert run("team", "set", "bo", "--role", "manager", "--screens")["screens"] is True
    assert "for Cy" in CliRunner().invoke(cli, ["team", "list"]).output
    assert run("team", "remove", "bo")["removed"] is True
    assert "at least one owner" in refused("team", "remove", "ada")
