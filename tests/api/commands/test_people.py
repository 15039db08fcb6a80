"""`winnow user`: people, links and tokens."""

from __future__ import annotations

from tests.api.command_line import Run, result


def test_the_first_person_s_name_has_the_same_rule_as_all_others(here: Run) -> None:
    for name, message in (
        ("x" * 201, "a name must have 1 to 200 characters"),
        ("\u200bada", "a name must not have characters that cannot be seen, such as U+200B"),
    ):
        refused = result(here("init", "--name", name, "--json"), code=1)["error"]
        assert refused["message"].startswith(message)
    assert result(here("init", "--name", " ada ", "--json"))["people"] == ["ada"]
    alike = here("user", "add", "аda").stdout
    assert "look alike: check both" in " ".join(alike.split())


def test_people_get_links_and_tokens(here: Run) -> None:
    here("init", "--name", "ada")
    assert result(here("user", "add", "bo", "--json"))["person"] == "bo"
    assert result(here("user", "add", "bo", "--json"), code=1)["error"]["message"]
    names = [p["name"] for p in result(here("user", "list", "--json"))["people"]]
    assert names == ["ada", "bo"]
    link = result(here("user", "link", "--as", "bo", "--json"))
    assert "/login?link=" in link["login"]
    made = result(here("user", "token", "create", "script", "--as", "bo", "--json"))
    assert made["token"].startswith("wnw_")
    revoked = here("user", "token", "revoke", str(made["id"]), "--as", "bo", "--json")
    assert result(revoked)["revoked"] is True
    assert result(here("user", "token", "list", "--as", "bo", "--json"))["tokens"][0]["revoked"]
