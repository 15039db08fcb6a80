from __future__ import annotations

import pytest

from harvest.errors import StrategyError
from harvest.strategy.parse import parse, parse_line
from harvest.strategy.tree import (
    And,
    Limit,
    Not,
    Or,
    Ref,
    Text,
    Thesaurus,
    expand,
    leaves,
)


def test_numbered_lines_are_followed() -> None:
    strategy = parse("#1 child*[tiab] OR youth[ti]\n\n#2 #1 AND\n   care[ot] NOT dogs[tiab]\n")
    assert strategy.use == "2"
    assert strategy.lines["2"].node == And(
        (Ref("1"), Text("care", "keyword"), Not(Text("dogs", "title-abstract")))
    )
    assert [leaf.path for leaf in leaves(expand(strategy))] == [
        ("2", "1"),
        ("2", "1"),
        *2 * [("2",)],
    ]


def test_lines_without_numbers_are_numbered_and_open_brackets_go_on() -> None:
    strategy = parse("(a1[ti] OR\nb2[ti])\n#1 AND c3[ti]", use=None)
    assert list(strategy.lines) == ["1", "2"]


def test_operators_hold_from_left_to_right_and_that_is_said() -> None:
    node, notices = parse_line("aa[ti] OR bb[ti] AND cc[ti]")
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
        assert parse_line(text) == (leaf, ())


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("#1 child*[tiab]\n#2 #1 AND (care[tiab]", 2, 11, "not closed"),
        ("child*[tiab])", 1, 13, "never opened"),
        ('"child[tiab]', 1, 1, "quote"),
        ("child*[foo]", 1, 7, "no field"),
        ("child*[tiab] and care[tiab]", 1, 14, "lower case"),
        ("child adj3 care", 1, 7, "PubMed has no operator"),
        ("child*[tiab] AND", 1, 14, "nothing after"),
        ("OR child*[tiab]", 1, 1, "nothing before"),
        ("NOT child*[tiab]", 1, 1, "nothing to exclude"),
        ("chil?[tiab]", 1, 1, "cannot truncate"),
        ("*child[tiab]", 1, 1, "cannot truncate"),
        ("()", 1, 2, "nothing after"),
        ('"20x1"[dp]', 1, 1, "not a date"),
        ("child*[mesh:3]", 1, 7, "no field"),
        ('"one"[tiab:~2]', 1, 6, "two words"),
        ("#1 aa[ti]\n#1 bb[ti]", 2, None, "two lines"),
        ("#1 #1 AND aa[ti]", 1, None, "refers to itself"),
        ("#1 #2\n#2 aa[ti] AND #1", None, None, "refers to itself"),
        ("#1 #9 AND aa[ti]", 1, None, "refers to line #9"),
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
