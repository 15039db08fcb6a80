from __future__ import annotations

from pathlib import Path

import pytest

from api.commands.strategy_files import read_strategy
from harvest.errors import StrategyError
from harvest.strategy.toml import from_dict
from harvest.strategy.tree import (
    And,
    Ref,
    expand,
    leaves,
)
from harvest.strategy.write import leaf_text
from tests.harvest.strategy_trees import (
    SAMPLE_STRATEGY,
)
from tests.shared import TOPIC, needs_shared


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


@needs_shared
def test_the_lines_are_the_blocks_of_the_draft_and_what_was_added_since() -> None:
    blocks = read_strategy(TOPIC / "strategy_blocks.json")
    lines = read_strategy(SAMPLE_STRATEGY, "9")
    before = [leaf.node for leaf in leaves(expand(blocks))]
    after = [leaf.node for leaf in leaves(expand(lines))]
    assert [node for node in after if node in before] == before
    added = {leaf_text(node) for node in after if node not in before}
    assert added == {
        *("cooperat*[tiab]", '"co-operat*"[tiab]', "network*[tiab]", "merg*[tiab]"),
        *("fragment*[tiab]", "GIRFEC[tiab]", '("2011"[dp] : "2022"[dp])'),
    }


def test_a_strategy_file_that_is_no_toml_or_json_says_where(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"lines": [}')
    with pytest.raises(StrategyError) as refused:
        read_strategy(path)
    assert (refused.value.line, refused.value.column) == (1, 12)
