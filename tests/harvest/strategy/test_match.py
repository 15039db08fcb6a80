from __future__ import annotations

import json

from hypothesis import given

from api.commands.strategy_files import read_strategy
from api.services.reviews.protocols import read_protocol_file
from api.services.searching.strategies import compare_with_protocol
from harvest.strategy.match import Explainer, create_passage, drop_leaves, matches
from harvest.strategy.parse import parse
from harvest.strategy.tree import (
    Limit,
    Node,
    expand,
)
from tests.harvest.strategy_trees import (
    SAMPLE_STRATEGY,
    documents,
    one_line,
    plain_match,
    texts,
    trees,
)
from tests.shared import CASES, TOPIC, needs_shared


@given(trees(texts), documents)
def test_matching_agrees_with_a_plainer_way(
    node: Node, document: tuple[list[str], list[str]]
) -> None:
    title, abstract = document
    text = create_passage(" ".join(title), " ".join(abstract), (), "eng")
    tree = expand(one_line(node))
    assert matches(tree, text) is plain_match(node, title, abstract)
    assert matches(tree, text, text_only=True) is plain_match(node, title, abstract)


def test_three_values_reject_only_what_is_surely_false() -> None:
    strategy = parse('(child*[tiab] OR "Child"[mesh]) AND care[tiab]')
    tree = expand(strategy)
    assert matches(tree, create_passage("Child care", "x")) is True
    # The heading may be there; the word care surely is not.
    assert matches(tree, create_passage("Youth care", "x")) is None
    assert matches(tree, create_passage("Child", "nothing")) is False
    # An abstract that is missing or cut off may hold it; a record in French may say it otherwise.
    assert matches(tree, create_passage("Child", None)) is None
    assert matches(tree, create_passage("Child", "nothing …")) is None
    assert matches(tree, create_passage("Child", "rien", (), "fre")) is None
    assert (
        matches(expand(parse("child[tiab] NOT care[tiab]")), create_passage("Child care", "x"))
        is False
    )


def test_limits_are_not_applied_again() -> None:
    tree = drop_leaves(expand(parse("child[tiab] AND 2011:2022[dp]")), Limit)
    assert tree is not None
    assert matches(tree, create_passage("Child", "x")) is True


def test_hyphens_apostrophes_and_accents_are_one() -> None:
    text = create_passage("Multi‐agency work in the children’s centre “Hälsofam”", "x")
    for term in ('"multi agency"', '"children\'s cent*"', "halsofam", '"multi-agency work"'):
        assert matches(expand(parse(f"{term}[tiab]")), text) is True
    # A term does not run from the title into the abstract, nor begin within a word.
    assert matches(expand(parse('"Hälsofam x"[tiab]')), text) is False
    assert matches(expand(parse("gency[tiab]")), text) is False


def test_rejecting_lines_are_those_false_on_the_text_or_true_under_not() -> None:
    strategy = parse("#1 child[tiab]\n#2 dogs[tiab]\n#3 care[tiab]\n#4 (#1 OR #3) NOT #2")
    explain = Explainer(strategy).explain
    assert explain(create_passage("child dogs", "x")).rejected_by == ("2", "3")
    assert explain(create_passage("child", "x")).rejected_by == ()
    assert explain(create_passage("none", "x")).rejected_by == ("1", "3")


@needs_shared
def test_the_sample_strategy_finds_what_the_documents_say() -> None:
    topic = TOPIC
    own = SAMPLE_STRATEGY.with_name("sample.jsonl").read_text(encoding="utf-8").splitlines()
    labels = {record["id"]: record["label"] for record in map(json.loads, own)}
    records = {}
    for name in ("as_found", "sample"):
        for line in (topic / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            records[record["id"]] = record
            # The labels of the sample review follow its criteria.
            record["label"] = labels.get(record["id"], record["label"])
    counts = {}
    for line in ("8", "9"):
        explain = Explainer(read_strategy(SAMPLE_STRATEGY, line)).explain
        told = {
            name: explain(create_passage(r["title"], r["abstract"], (), r["language"]))
            for name, r in records.items()
        }
        found = [records[name] for name, how in told.items() if how.text_matched]
        counts[line] = (
            sum(r["label"] == 1 for r in found),
            sum(r["label"] == 1 and r["certainty"] == "clear" for r in found),
            sum(r["label"] == 0 for r in found),
        )
        if line == "9":
            assert told["topic-0110"].rejected_by == ("2", "5", "6")
    # The figures of docs/strategy.md.
    assert counts == {"8": (58, 39, 51), "9": (76, 47, 78)}
    assert len(records) == 471


def test_the_sample_strategy_finds_cooperation_merged_services_and_named_models() -> None:
    explain = Explainer(read_strategy(SAMPLE_STRATEGY)).explain
    families = "Families with children, social services and health visitors"
    for words in (
        "co-operation",
        "cooperating",
        "a network",
        "merged departments",
        "fragmentation",
    ):
        assert explain(create_passage(f"{families}: {words}", "x")).text_matched, words
        assert not explain(create_passage(families, "x")).text_matched
    assert explain(create_passage("GIRFEC in two council areas", "x")).text_matched


@needs_shared
def test_the_sample_strategy_finds_the_records_that_it_missed() -> None:
    explain = Explainer(read_strategy(SAMPLE_STRATEGY)).explain
    lines = (CASES / "cooperation.jsonl").read_text(encoding="utf-8").splitlines()
    for record in map(json.loads, lines):
        assert explain(create_passage(record["title"], record["abstract"])).text_matched


def test_the_sample_strategy_has_the_limits_of_its_protocol() -> None:
    _, body = read_protocol_file(SAMPLE_STRATEGY.with_name("protocol.toml"))
    for line in ("8", "9"):
        assert compare_with_protocol(read_strategy(SAMPLE_STRATEGY, line), body, line) == []
