"""The glossary agrees with the pages and with the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from api.services.screening import likely_misses
from store.rules.roles import ROLE_NAMES
from tests.project.test_walls import ROOT, modules

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
# Words of the trade, of Python, or of English that need no explanation as a module's name.
ORDINARY = set(
    """
    accounts addresses app asreview asreview_project assigning audit base batches bibtex bootstrap
    breakdown cache cards case changes classify cli columns compare config counting covidence
    criteria dates deciding decision_log dedupe_report deduplicating delimited downloads ebsco_xml
    encode encoding encoding_progress endnote_xml engine entry eppi eppi_json errors europepmc
    europepmc_json event_actions evidence explanations exports features gold_files gold_lists
    night_jobs own_thread protocol_faults trouble
    grouping groups harvests heartbeats http identifiers imports interruption
    interrupts invitations jobs json_text
    json_values jsonl judging keys kinds known_matches known_outcome languages latex leases linear
    links lists living managing marking match matching members membership metrics migrate names nbib
    notify openalex openalex_json opening order_report origin output overlap ovid ovid_source pace
    pairs parse people pipeline places plots prepare presets previews progress proquest_text
    protocol_form protocols pubmed pubmed_xml questions rayyan read read_back readers record
    record_counts record_files record_keys record_texts refer reference_types refworks registry
    rescreening resources responses reviews ris roles routers rules run run_changes run_endings
    run_pages run_progress run_starts runs sample saved_strategies screeners screening
    screening_recall screening_report screening_state search_days search_log search_recall searches
    searching security server session settings shares short_pages signing_in similar_titles
    simulation sources sqlite state strategies strategy_files studies switching syntax table team
    teamwork text titles toml types versions waits wording worker wos write xlsx xml
    """.split()
)
# Words that pages used before and reviewers stumbled over.
RETIRED = (
    "harvest now", "harvested with", "bring a file", "take away", "searcher",
    "known relevant", "the pool", "leaf", "one report or two", "likely misses",
    "an erased person", "the program", "held already", "whoever", "anew", "filtered by",
    "development study", "development studies", "held out", "the harvest", "rejected (not records)",
)  # fmt: skip
# Kinds of jobs, as stored.
KINDS = {likely_misses.KIND}


def rows() -> list[tuple[list[str], list[str]]]:
    """The words of each row: those of the pages, and those of the code."""
    found = []
    for line in GLOSSARY.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and not cells[0].startswith(("on the", "--")):
            pages = [] if cells[0] == "–" else [word.strip() for word in cells[0].split(",")]
            found.append((pages, re.findall(r"`([^`]+)`", cells[1])))
    return found


def strings(tree: ast.AST) -> Iterator[str]:
    """The strings of a piece of code in lower case, without docstrings; f-strings are one each."""
    if isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant):
        return
    if isinstance(tree, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "…" for part in tree.values)
        yield "".join(map(str, parts)).lower()
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        yield tree.value.lower()
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(tree, ast.JoinedStr) and isinstance(child, ast.Constant)):
            yield from strings(child)


def without(pattern: str, path: Path) -> str:
    """A file's text in lower case and on one line, without what a pattern matches."""
    text = re.sub(pattern, " ", path.read_text(), flags=re.S | re.M)
    return re.sub(r"\s+", " ", text).lower()


def has_word(word: str, text: str) -> bool:
    """Whether a text has a word or phrase, as whole words."""
    return re.search(rf"(?<!\w){re.escape(word.lower())}(?!\w)", text) is not None


@cache
def page_strings() -> tuple[str, ...]:
    """The strings of the modules that make pages and documents."""
    return tuple(
        text
        for folder in ("pages", "services", "documents")
        for path in sorted((ROOT / "api" / folder).rglob("*.py"))
        for text in strings(ast.parse(path.read_text()))
    )


@cache
def pages() -> str:
    """What pages show: templates without mark-up, scripts without comments, and page strings."""
    api = ROOT / "api"
    texts = [
        *(without(r"<(script|style).*?</\1>|<[^>]*>", p) for p in api.glob("templates/*.html")),
        *(without(r"/\*.*?\*/|^\s*//.*?$", path) for path in api.glob("static/*.js")),
        *page_strings(),
        (ROOT / "api" / "wording.py").read_text().lower(),
    ]
    return " | ".join(texts)


@cache
def shown() -> tuple[str, ...]:
    """Texts that people read: templates, sentences of the page modules, and errors."""
    templates = (ROOT / "api" / "templates").glob("*.html")
    errors = (
        text
        for path in modules()
        if path.parts[0] in {"store", "harvest", "model"}
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Raise)
        for text in strings(node)
    )
    # A string of one word is a key or a name; a job's kind is stored as it is.
    sentences = (text for text in (*page_strings(), *errors) if " " in text and text not in KINDS)
    return (*(without(r"\{[{%#].*?[}%#]\}|<[^>]*>", path) for path in templates), *sentences)


@cache
def identifiers() -> frozenset[str]:
    """Every name and every part of a name in the four packages, and every short string."""
    names = {path.stem for path in (ROOT / "api" / "static").glob("*.js")}
    for path in modules():
        names.update(path.with_suffix("").parts)
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            for field in ("name", "id", "attr", "arg"):
                value = getattr(node, field, None)
                if isinstance(value, str):
                    names.add(value)
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)
    parts = {part for name in names if len(name) < 60 for part in name.lower().split("_")}
    return frozenset(names | parts)


def test_the_glossary_has_rows() -> None:
    assert len(rows()) > 50


def test_each_word_of_the_pages_is_on_a_page() -> None:
    text = pages()
    assert [word for words, _ in rows() for word in words if not has_word(word, text)] == []


def test_the_roles_of_the_glossary_are_explained_on_the_team_page() -> None:
    (names,) = (words for words, code in rows() if "role" in code)
    team = (ROOT / "api" / "templates" / "team.html").read_text()
    explained = re.findall(r"<dt>(.*?)</dt>", team)
    assert explained == list(ROLE_NAMES.values())
    assert set(names) == set(explained) - {"Lead (owner)"}


def test_each_word_of_the_code_is_in_the_code() -> None:
    names = identifiers()
    assert [word for _, words in rows() for word in words if word not in names] == []


def test_no_page_uses_a_word_that_was_retired() -> None:
    found = [(word, text) for text in shown() for word in RETIRED if has_word(word, text)]
    assert [(word, text[:200]) for word, text in found] == []


def test_docstrings_are_not_taken_for_what_people_read() -> None:
    code = ast.parse('def f():\n    """Doc."""\n    return "One", f"Two {x or \'Three\'}."')
    assert list(strings(code)) == ["one", "two ….", "three"]
    assert has_word("two", "one two.")
    assert not has_word("two", "twofold")


def test_every_module_name_is_an_ordinary_word_or_explained() -> None:
    explained = {word for _, words in rows() for word in words}
    plurals = {f"{word}s" for word in explained}
    names = {path.stem for path in modules()} - {"__init__"}
    assert names - ORDINARY - explained - plurals == set()
    assert ORDINARY - names == set(), "no longer a module"
