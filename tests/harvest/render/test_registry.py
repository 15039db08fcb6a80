"""A strategy in each source's syntax, and what each translation loses."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given

from api.commands.strategy_files import read_strategy
from harvest.errors import StrategyError
from harvest.render.openalex import FILTER_BYTES, split_to_fit
from harvest.render.registry import WRITERS, render
from harvest.strategy.match import create_passage, matches
from harvest.strategy.parse import parse
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import Node, expand, leaves
from tests.harvest.strategy_trees import SAMPLE_STRATEGY, documents, one_line, texts, trees


def told(text: str, source: str) -> list[tuple[str, str, str]]:
    """Losses of a strategy as (leaf, kind, direction)."""
    return [(loss.leaf, loss.kind, loss.direction) for loss in render(parse(text), source).losses]


def test_pubmed_gets_what_was_written() -> None:
    rendered = render(parse('#1 child*[tiab] OR "Child"[mesh]\n#2 #1 AND care[ti]'), "pubmed")
    assert rendered.queries == ('(child*[tiab] OR "Child"[mesh]) AND care[ti]',)
    assert not rendered.losses


def test_europe_pmc_gets_fields_before_words() -> None:
    rendered = render(
        parse('("child welfare"[tiab] AND hub*[ti] NOT "Dogs"[mesh:noexp]) AND 2011:2022[dp]'),
        "europepmc",
    )
    assert rendered.queries == (
        '(TITLE:"child welfare" OR ABSTRACT:"child welfare") AND TITLE:hub* '
        'AND PUB_YEAR:[2011 TO 2022] NOT MESH:"Dogs"',
    )
    assert not rendered.losses


def test_openalex_gets_limits_beside_the_expression() -> None:
    rendered = render(
        parse('child*[tiab] AND "family hub"[tiab] AND 2011:2022[dp] AND english[la]'), "openalex"
    )
    assert rendered.queries == (
        'title_and_abstract.search.exact:child* AND "family hub",'
        "from_publication_date:2011-01-01,to_publication_date:2022-12-31,language:en",
    )


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        # A dropped leaf narrows below OR and broadens below AND; each NOT turns it once.
        ('aa[tiab] OR "H"[mesh]', "narrows"),
        ('aa[tiab] AND "H"[mesh]', "broadens"),
        ('aa[tiab] NOT (bb[tiab] OR "H"[mesh])', "broadens"),
        ('aa[tiab] NOT (bb[tiab] AND "H"[mesh])', "narrows"),
        # An operator left empty is dropped itself and judged at its own parent.
        ('aa[tiab] AND ("H"[mesh] OR "H"[mesh])', "broadens"),
        ('aa[tiab] OR ("H"[mesh] AND "H"[mesh])', "narrows"),
        ('aa[tiab] NOT "H"[mesh]', "broadens"),
        ('cc[tiab] NOT (aa[tiab] OR (bb[tiab] NOT "H"[mesh]))', "narrows"),
    ],
)
def test_a_dropped_leaf_has_the_direction_of_its_place(text: str, direction: str) -> None:
    assert told(text, "openalex") == [('"H"[mesh]', "thesaurus", direction)]


def test_a_not_that_is_left_alone_is_dropped_with_its_and() -> None:
    losses = told('aa[tiab] OR ("H"[mesh] NOT bb[tiab])', "openalex")
    assert losses == [
        ('"H"[mesh]', "thesaurus", "narrows"),
        ("bb[tiab]", "not-alone", "narrows"),
    ]


def test_a_changed_leaf_has_its_own_direction_turned_by_not() -> None:
    assert told('"Child"[mesh]', "europepmc") == [('"Child"[mesh]', "explosion", "narrows")]
    assert told('aa[tiab] NOT "Child"[mesh]', "europepmc")[0][2] == "broadens"
    assert told('"social work*"[tiab]', "europepmc")[0][1:] == ("phrase-truncation", "broadens")
    assert told('aa[tiab] NOT "social work*"[tiab]', "openalex")[0][2] == "narrows"
    # Unknown counts as narrowing, wherever it stands.
    assert told("aa[tiab] NOT cat*[tiab]", "pubmed") == [("cat*[tiab]", "truncation", "narrows")]
    assert told("child", "europepmc") == [("child", "field", "narrows")]


def test_a_line_used_twice_has_one_direction_a_place() -> None:
    rendered = render(
        parse('#1 aa[tiab] OR "H"[mesh]\n#2 bb[tiab] NOT #1\n#3 #1 OR #2\n#4 #3 AND #1'), "openalex"
    )
    assert [(loss.direction, loss.places) for loss in rendered.losses] == [
        ("narrows", ("4/3/1", "4/1")),
        ("broadens", ("4/3/2/1",)),
    ]
    assert rendered.blocked


def test_a_narrowing_loss_is_mapped_or_accepted_in_writing() -> None:
    lines = {"lines": [{"number": 1, "text": 'aa[tiab] OR "H"[mesh] OR "I"[mesh]'}]}
    replace = {"source": "openalex", "leaf": '"H"[mesh]', "with": 'hh[tiab] OR "h i"[tiab]'}
    rendered = render(from_dict({**lines, "replace": [replace]}), "openalex")
    assert rendered.blocked
    assert rendered.queries == ('title_and_abstract.search.exact:aa OR (hh OR "h i")',)
    accept = {"source": "openalex", "kind": "thesaurus", "reason": "no MeSH there"}
    rendered = render(from_dict({**lines, "replace": [replace], "accept": [accept]}), "openalex")
    assert not rendered.blocked
    assert [loss.accepted for loss in rendered.losses] == ["no MeSH there"]
    # Elsewhere it holds for nothing.
    assert render(from_dict({**lines, "accept": [accept]}), "europepmc").blocked


def test_nothing_left_to_say_is_refused() -> None:
    with pytest.raises(StrategyError, match="cannot search for any part"):
        render(parse('"H"[mesh]'), "openalex")
    with pytest.raises(StrategyError, match="no source"):
        render(parse("aa[tiab]"), "nowhere")


@given(trees(texts), documents)
def test_a_long_or_is_cut_into_pieces_whose_union_is_the_whole(
    node: Node, document: tuple[list[str], list[str]]
) -> None:
    tree = expand(one_line(node))
    text = create_passage(" ".join(document[0]), " ".join(document[1]), (), "eng")
    try:
        # So small that most are cut as far as they can be.
        cut = split_to_fit(tree, lambda piece: sum(1 for _ in leaves(piece)) <= 4)
    except StrategyError:
        return
    assert any(matches(piece, text) for piece in cut) is matches(tree, text)


@given(trees(texts), documents)
def test_what_is_sent_finds_at_least_what_was_meant(
    node: Node, document: tuple[list[str], list[str]]
) -> None:
    """If there is no narrowing loss, the source searches for at least the whole tree."""
    strategy = one_line(node)
    text = create_passage(" ".join(document[0]), " ".join(document[1]), (), "eng")
    for source in WRITERS:
        rendered = render(strategy, source)
        if not rendered.blocked:
            assert matches(rendered.compiled.tree, text) is matches(expand(strategy), text)


def test_the_samples_losses_are_these() -> None:
    strategy = read_strategy(SAMPLE_STRATEGY)
    assert not render(strategy, "pubmed").losses
    openalex = render(strategy, "openalex")
    narrowing = [loss for loss in openalex.losses if loss.direction == "narrows"]
    assert {loss.kind for loss in narrowing} == {"thesaurus"}
    assert len(narrowing) == 24
    assert all(len(query) < FILTER_BYTES for query in openalex.queries)
    europepmc = render(strategy, "europepmc")
    assert {(loss.kind, loss.direction) for loss in europepmc.losses} == {
        ("explosion", "narrows"),
        ("phrase-truncation", "broadens"),
    }


def test_a_long_or_within_a_limit_is_split_for_openalex() -> None:
    def block(letter: str) -> str:
        return " OR ".join(f'"{letter}{n:03} {letter}{n:03}"[tiab]' for n in range(120))

    strategy = parse(
        f"#1 {block('a')}\n#2 {block('b')}\n#3 {block('c')}\n"
        "#4 2011:2022[dp]\n#5 ((#1 AND #2) OR #3) AND #4"
    )
    found = render(strategy, "openalex")
    assert len(found.queries) > 2
    assert all(len(quote(query, safe="")) <= FILTER_BYTES for query in found.queries)
    assert all("from_publication_date:2011-01-01" in query for query in found.queries)
    # Each term is asked for, and each pair of a first and a second one together.
    for one, other in (("a000 a000", "b119 b119"), ("a119 a119", "b000 b000")):
        assert any(one in query and other in query for query in found.queries)
    assert any("c060 c060" in query for query in found.queries)
