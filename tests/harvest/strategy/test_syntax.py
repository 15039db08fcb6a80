from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from harvest.errors import ForeignSyntax, StrategyError
from harvest.render.registry import render
from harvest.strategy.parse import parse
from harvest.strategy.readers import READERS, find_reader
from harvest.strategy.syntax import NAMES, Syntax, recognise
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import Ref, conjunction, disjunction
from tests.shared import CASES, needs_shared

WRITTEN = [
    (item["syntax"], item["text"])
    for item in tomllib.loads(Path(__file__).with_name("written.toml").read_text(encoding="utf-8"))[
        "strategy"
    ]
]
FOREIGN: list[tuple[Syntax, str]] = [
    ("ovid", "1. (child* or teen*).ti,ab.\n2. foster care.tw.\n3. 1 and 2"),
    ("ovid", "exp child/ and (joint adj3 service*).mp."),
    ("ovid", "1 exp Child/\n2 limit 1 to yr=2011-2020"),
    ("ebsco", 'S1 (MH "Child Welfare+")\nS2 TX (social N3 care)\nS3 S1 AND S2'),
    ("ebsco", "(TI (foster care) OR AB (foster care)) AND S1"),
    ("proquest", 'MAINSUBJECT.EXACT("Child Protection") AND NOFT(interagency NEAR/3 work*)'),
    ("proquest", "ti(foster care) AND ab(outcomes)"),
    ("wos", 'TS=(child* NEAR/3 "social care") AND TI=(integrat*)'),
    ("scopus", 'TITLE-ABS-KEY(child* W/3 "social work") AND PUBYEAR > 2010'),
    ("embase", "'child welfare'/exp OR 'foster care':ti,ab"),
    ("central", "#1 MeSH descriptor: [Foster Home Care] explode all trees\n#2 care:ti,ab,kw"),
    ("unknown", "family NEAR/3 support"),
    # One line of another platform among lines of PubMed's.
    ("wos", "#1 child*[tiab]\n#2 TS=(foster)\n#3 #1 AND #2"),
    ("ovid", "child[tiab] AND foster.ti,ab."),
]
PUBMED = [
    "looked after children",
    "child* AND famil*",
    '"social work"[tiab:~3]',
    'child*[tiab] OR "exp study/"[tiab]',
    "mother/child dyads[tiab]",
    "N95 masks and work/life balance",
    "#1 a[tiab]\n#2 b[tiab]\n#3 #1 AND #2",
    '"TS=(x)" OR "a.ti,ab."',
]


@pytest.mark.parametrize(("syntax", "text"), FOREIGN)
@pytest.mark.case("strategies", 17)
def test_other_platforms_are_recognised_and_refused_by_name(syntax: Syntax, text: str) -> None:
    assert recognise(text).syntax == syntax
    with pytest.raises(ForeignSyntax) as refused:
        find_reader(text)
    assert refused.value.syntax == syntax
    assert refused.value.remedy
    # What somebody states does not make it PubMed's.
    with pytest.raises(ForeignSyntax):
        find_reader(text, "pubmed")


@pytest.mark.parametrize("text", PUBMED)
def test_pubmeds_syntax_is_read(text: str) -> None:
    assert find_reader(text).name == "pubmed"


def test_a_stated_syntax_that_is_not_read_is_refused() -> None:
    with pytest.raises(ForeignSyntax, match="Ovid") as refused:
        find_reader("foster care", "ovid")
    assert refused.value.syntax == "ovid"


# The platform of each of the shared rows that have one.
ROWS: dict[str, Syntax] = {
    **dict.fromkeys("1234", "ovid"),
    **{"5": "ebsco", "6": "proquest", "7": "wos", "8": "scopus", "9": "embase", "10": "central"},
    **dict.fromkeys(("11", "12", "13", "14"), "pubmed"),
}


@needs_shared
@pytest.mark.parametrize(
    "number", [pytest.param(row, marks=pytest.mark.case("strategies", int(row))) for row in ROWS]
)
def test_the_shared_strategies_are_recognised(number: str) -> None:
    table = (CASES / "strategies.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {number} \| [^|]+ \| (.*) \| [^|]* \|$", table, re.MULTILINE)
    text = (
        row.replace("`", "")
        .replace(" ⏎ ", "\n")
        .removesuffix(" (an operator on a line of its own)")
    )
    assert recognise(text).syntax == ROWS[number]
    if ROWS[number] != "pubmed":
        with pytest.raises(ForeignSyntax, match=NAMES[ROWS[number]]):
            find_reader(text)


@pytest.mark.parametrize(
    "table",
    [
        'Search,Query,Items found,Time\n#2,"#1 AND foster[ti]",412,09:14\n'
        '#1,"kin*[tiab]",9120,09:13\n',
        "Search number,Query,Sort By,Filters,Search Details,Results,Time\n"
        '2,#1 AND foster[ti],,,"x","412",09:14\n1,kin*[tiab],,,"y","9,120",09:13\n',
    ],
)
@pytest.mark.case("strategies", 11)
def test_a_search_history_is_read_in_the_order_of_its_numbers(table: str) -> None:
    strategy = parse(table)
    assert [(line.name, line.reported) for line in strategy.lines.values()] == [
        ("1", 9120),
        ("2", 412),
    ]
    assert strategy.use == "2"


@pytest.mark.case("strategies", 12)
def test_an_operator_on_a_line_of_its_own_joins_the_lines() -> None:
    (line,) = parse("foster*[tiab]\nAND\nhealth*[tiab]\n").lines.values()
    assert line.text == "foster*[tiab] AND health*[tiab]"


@pytest.mark.case("strategies", 16)
def test_numbers_of_lines_are_lines_and_other_numbers_are_words() -> None:
    strategy = parse("1. a[ti]\n2. b[ti]\n3. 1 and 2\n4. OR/1-2\n5. 1 AND 7[ti]\n")
    assert strategy.lines["3"].node == conjunction([Ref("1"), Ref("2")])
    assert strategy.lines["4"].node == disjunction([Ref("1"), Ref("2")])
    assert "Ref" not in repr(strategy.lines["5"].node)


@pytest.mark.parametrize("joined", ["OR/1-999999999999", "or/1,7", "and/0-2"])
@pytest.mark.case("strategies", 16)
def test_lines_that_do_not_exist_are_refused_with_their_place(joined: str) -> None:
    with pytest.raises(StrategyError, match="does not exist") as refused:
        parse(f"1. a[ti]\n2. b[ti]\n3. {joined}\n")
    assert refused.value.line == 3


def test_lines_are_not_read_into_a_phrase() -> None:
    (_, line) = parse('1. a[ti]\n2. "or/1-1"[ti]\n').lines.values()
    assert line.text == '"or/1-1"[ti]'


@pytest.mark.case("strategies", 15)
def test_a_line_that_nothing_uses_is_named() -> None:
    strategy = from_dict({"text": "#1 a[ti]\n#2 b[ti]\n#3 c[ti]\n#4 #1 AND #3"})
    assert strategy.notices == ("no line uses #2, and #4 is the line that is run",)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("looked after children", "(looked after children)"),
        ('"looked after children"', '"looked after children"'),
        ("looked after children OR kin*[ti]", "(looked after children) OR kin*[ti]"),
        ("english[Filter] AND kin*[ti]", '"english"[filter] AND kin*[ti]'),
        (
            "drug therapy[sh] AND Child Soc Work[jour]",
            '"drug therapy"[sh] AND "child soc work"[jour]',
        ),
    ],
)
@pytest.mark.case("strategies", 13)
@pytest.mark.case("strategies", 14)
def test_words_that_pubmed_maps_itself_and_its_filters_are_sent_as_they_are(
    text: str, sent: str
) -> None:
    assert render(parse(text), "pubmed").queries == (sent,)
    # Read again, it is the same.
    assert render(parse(sent), "pubmed").queries == (sent,)


def test_words_without_a_field_are_a_narrowing_loss_elsewhere() -> None:
    rendered = render(parse("looked after children"), "europepmc")
    assert [(loss.kind, loss.direction) for loss in rendered.losses] == [("field", "narrows")]


@pytest.mark.case("strategies", 13)
def test_what_a_source_cannot_limit_to_is_listed_as_a_loss() -> None:
    rendered = render(parse("humans[filter] AND Child Soc Work[jour] AND kin*[ti]"), "europepmc")
    assert [(loss.leaf, loss.kind) for loss in rendered.losses] == [
        ('"humans"[filter]', "limit"),
        ('"child soc work"[jour]', "limit"),
    ]


@pytest.mark.parametrize(("syntax", "text"), [pair for pair in WRITTEN if pair[0] != "pubmed"])
def test_no_strategy_of_another_platform_is_read_as_pubmeds(syntax: str, text: str) -> None:
    found = recognise(text).syntax
    # EBSCOhost and ProQuest both number lines S1, S2.
    assert found in ({syntax, "unknown"} if syntax != "foreign" else set(NAMES) - {"pubmed"})
    with pytest.raises(ForeignSyntax):
        find_reader(text, "pubmed")


@pytest.mark.parametrize("text", [text for name, text in WRITTEN if name == "pubmed"])
def test_no_strategy_of_pubmeds_is_taken_for_another_platforms(text: str) -> None:
    assert find_reader(text).name == "pubmed"
    assert from_dict({"text": text}).lines


def test_an_operator_of_another_platform_between_words_is_refused_with_its_place() -> None:
    with pytest.raises(StrategyError, match="no operator 'N3'") as refused:
        parse("child*[tiab] AND foster N3 care[tiab]")
    assert (refused.value.line, refused.value.column) == (1, 25)


@pytest.mark.parametrize("piece", ["A ", "exp A", "ti,", "S1 a\n", "'a ", "*A", "[mh ", "or/1,"])
def test_a_long_text_is_recognised_in_time(piece: str) -> None:
    # Before patterns had longest lengths, this took minutes.
    assert recognise(piece * (200_000 // len(piece)))


def test_every_reader_has_the_name_of_its_syntax() -> None:
    assert {name: reader.name for name, reader in READERS.items()} == {"pubmed": "pubmed"}
