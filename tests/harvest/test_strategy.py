"""A strategy read, written and matched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from api.commands.strategies import read_strategy
from api.resources import SAMPLE, configs
from harvest.errors import StrategyError
from harvest.strategy.match import Explainer, matches, passage, without
from harvest.strategy.parse import line_of, parse
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import (
    And,
    Limit,
    Line,
    Node,
    Not,
    Or,
    Ref,
    Strategy,
    Text,
    Thesaurus,
    leaves,
    placed,
)
from harvest.strategy.write import tree_text
from tests.harvest.strategy_trees import documents, others, plain_match, texts, trees
from tests.shared import TOPIC, needs_shared

SAMPLE_STRATEGY = configs() / "reviews" / SAMPLE / "strategy.toml"


def one_line(node: Node) -> Strategy:
    """A strategy of one line."""
    return Strategy(lines={"1": Line("1", node, "")}, use="1")


@given(trees(texts | others))
def test_what_is_written_is_read_as_the_same_tree(node: Node) -> None:
    text = tree_text(placed(one_line(node)))
    # NOTs are written last; the order of a conjunction means nothing.
    assert _ordered(line_of(text)[0]) == _ordered(node)


def _ordered(node: Node) -> Node:
    if isinstance(node, And | Or):
        children = tuple(map(_ordered, node.children))
        if isinstance(node, Or):
            return Or(children)
        return And(tuple(sorted(children, key=lambda child: isinstance(child, Not))))
    return Not(_ordered(node.child)) if isinstance(node, Not) else node


@given(trees(texts), documents)
def test_matching_agrees_with_a_plainer_way(
    node: Node, document: tuple[list[str], list[str]]
) -> None:
    title, abstract = document
    text = passage(" ".join(title), " ".join(abstract), (), "eng")
    tree = placed(one_line(node))
    assert matches(tree, text) is plain_match(node, title, abstract)
    assert matches(tree, text, text_only=True) is plain_match(node, title, abstract)


def test_numbered_lines_are_followed() -> None:
    strategy = parse("#1 child*[tiab] OR youth[ti]\n\n#2 #1 AND\n   care[ot] NOT dogs[tiab]\n")
    assert strategy.use == "2"
    assert strategy.lines["2"].node == And(
        (Ref("1"), Text("care", "keyword"), Not(Text("dogs", "title-abstract")))
    )
    assert [leaf.path for leaf in leaves(placed(strategy))] == [
        ("2", "1"),
        ("2", "1"),
        *2 * [("2",)],
    ]


def test_lines_without_numbers_are_numbered_and_open_brackets_go_on() -> None:
    strategy = parse("(a1[ti] OR\nb2[ti])\n#1 AND c3[ti]", use=None)
    assert list(strategy.lines) == ["1", "2"]


def test_operators_hold_from_left_to_right_and_that_is_said() -> None:
    node, notices = line_of("aa[ti] OR bb[ti] AND cc[ti]")
    assert node == And((Or((Text("aa", "title"), Text("bb", "title"))), Text("cc", "title")))
    assert "left to right" in notices[0]


def test_every_field_and_option_is_read() -> None:
    read = {
        '"Child Abuse/prevention and control"[Majr:NoExp]': Thesaurus(
            "Child Abuse", exploded=False, major=True, qualifier="prevention and control"
        ),
        '"child welfare"[tiab:~3]': Text("child welfare", near=3),
        "psych*therap*[Title/Abstract]": Text("psych*therap*"),
        '("2011/01/01"[dp] : "2022/12/31"[dp])': Limit("years", "2011/01/01:2022/12/31"),
        "2015:2020[dp]": Limit("years", "2015:2020"),
        "English[la]": Limit("language", "english"),
        "word": Text("word", "mapped"),
    }
    for text, leaf in read.items():
        assert line_of(text) == (leaf, ())


def test_what_word_processors_put_in_is_made_plain_and_shown() -> None:
    strategy = parse("“children’s service*”[tiab]\u00a0OR multi–agency[tiab]")
    assert strategy.root == Or((Text("children's service*"), Text("multi-agency")))
    assert len(strategy.notices) == 4


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("#1 child*[tiab]\n#2 #1 AND (care[tiab]", 2, 11, "not closed"),
        ("child*[tiab])", 1, 13, "never opened"),
        ('"child[tiab]', 1, 1, "quote"),
        ("child*[foo]", 1, 7, "no field"),
        ("child*[tiab] and care[tiab]", 1, 14, "small letters"),
        ("child adj3 care", 1, 7, "not PubMed's"),
        ("child*[tiab] AND", 1, 14, "nothing after"),
        ("OR child*[tiab]", 1, 1, "nothing before"),
        ("NOT child*[tiab]", 1, 1, "nothing to take away"),
        ("chil?[tiab]", 1, 1, "not cut"),
        ("*child[tiab]", 1, 1, "not cut"),
        ("()", 1, 2, "nothing after"),
        ('"20x1"[dp]', 1, 1, "no date"),
        ("child*[mesh:3]", 1, 7, "no field"),
        ('"one"[tiab:~2]', 1, 6, "two words"),
        ("#1 aa[ti]\n#1 bb[ti]", 2, None, "two lines"),
        ("#1 #1 AND aa[ti]", 1, None, "refers to itself"),
        ("#1 #2\n#2 aa[ti] AND #1", None, None, "refers to itself"),
        ("#1 #9 AND aa[ti]", 1, None, "no line #9"),
        ("", None, None, "empty"),
    ],
)
def test_a_malformed_strategy_is_refused_with_its_place(
    text: str, line: int | None, column: int | None, words: str
) -> None:
    with pytest.raises(StrategyError) as refused:
        parse(text)
    assert words in refused.value.message
    assert refused.value.remedy
    if line is not None:
        assert (refused.value.line, refused.value.column) == (line, column)


def test_blocks_are_a_strategy_too() -> None:
    strategy = from_dict(
        {
            "use": "sensitive",
            "blocks": {
                "A_people": {"text": ["child*"], "mesh": ["Child"]},
                "A2": {"text": ["x y"]},
            },
            "combine": {"sensitive": "A AND A2"},
        }
    )
    assert strategy.lines["A"].label == "people"
    assert strategy.root == And((Ref("A"), Ref("A2")))
    with pytest.raises(StrategyError, match="unknown key"):
        from_dict({"blocks": {"A": {"words": ["x"]}}, "combine": {"s": "A"}})
    with pytest.raises(StrategyError, match="no key"):
        from_dict({"line": []})


def test_three_values_reject_only_what_is_surely_false() -> None:
    strategy = parse('(child*[tiab] OR "Child"[mesh]) AND care[tiab]')
    tree = placed(strategy)
    assert matches(tree, passage("Child care", "x")) is True
    # The heading may be there; the word care surely is not.
    assert matches(tree, passage("Youth care", "x")) is None
    assert matches(tree, passage("Child", "nothing")) is False
    # An abstract that is missing or cut off may hold it; a record in French may say it otherwise.
    assert matches(tree, passage("Child", None)) is None
    assert matches(tree, passage("Child", "nothing …")) is None
    assert matches(tree, passage("Child", "rien", (), "fre")) is None
    assert matches(placed(parse("child[tiab] NOT care[tiab]")), passage("Child care", "x")) is False


def test_limits_are_not_applied_again() -> None:
    tree = without(placed(parse("child[tiab] AND 2011:2022[dp]")), Limit)
    assert tree is not None
    assert matches(tree, passage("Child", "x")) is True


def test_hyphens_apostrophes_and_accents_are_one() -> None:
    text = passage("Multi‐agency work in the children’s centre “Hälsofam”", "x")
    for term in ('"multi agency"', '"children\'s cent*"', "halsofam", '"multi-agency work"'):
        assert matches(placed(parse(f"{term}[tiab]")), text) is True
    # A term does not run from the title into the abstract, nor begin within a word.
    assert matches(placed(parse('"Hälsofam x"[tiab]')), text) is False
    assert matches(placed(parse("gency[tiab]")), text) is False


def test_rejecting_lines_are_those_false_on_the_text_or_true_under_not() -> None:
    strategy = parse("#1 child[tiab]\n#2 dogs[tiab]\n#3 care[tiab]\n#4 (#1 OR #3) NOT #2")
    explain = Explainer(strategy).explain
    assert explain(passage("child dogs", "x")).rejected_by == ("2", "3")
    assert explain(passage("child", "x")).rejected_by == ()
    assert explain(passage("none", "x")).rejected_by == ("1", "3")


@needs_shared
def test_the_sample_strategy_finds_what_its_draft_says() -> None:
    topic = TOPIC
    records = {}
    for name in ("as_found", "sample"):
        for line in (topic / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            records[record["id"]] = record
    counts = {}
    for line in ("7", "8"):
        explain = Explainer(read_strategy(SAMPLE_STRATEGY, line)).explain
        told = {
            name: explain(passage(r["title"], r["abstract"], (), r["language"]))
            for name, r in records.items()
        }
        found = [records[name] for name, how in told.items() if how.text_matched]
        counts[line] = (
            sum(r["label"] == 1 for r in found),
            sum(r["label"] == 1 and r["certainty"] == "clear" for r in found),
            sum(r["label"] == 0 for r in found),
        )
        if line == "7":
            assert told["topic-0110"].rejected_by == ("2", "5", "6")
    # The table of strategy.md.
    assert counts == {"7": (78, 48, 69), "8": (59, 39, 46)}
    assert len(records) == 471


@needs_shared
def test_the_blocks_and_the_lines_of_the_draft_are_one_strategy() -> None:
    blocks = read_strategy(TOPIC / "strategy_blocks.json")
    lines = read_strategy(SAMPLE_STRATEGY)
    assert [leaf.node for leaf in leaves(placed(blocks))] == [
        leaf.node for leaf in leaves(placed(lines))
    ]


def test_a_strategy_file_that_is_no_toml_or_json_says_where(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"lines": [}')
    with pytest.raises(StrategyError) as refused:
        read_strategy(path)
    assert (refused.value.line, refused.value.column) == (1, 12)
