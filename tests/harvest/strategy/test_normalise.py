from __future__ import annotations

from harvest.strategy.parse import parse
from harvest.strategy.tree import (
    Or,
    Text,
)


def test_what_word_processors_put_in_is_made_plain_and_shown() -> None:
    strategy = parse("“children’s service*”[tiab]\u00a0OR multi–agency[tiab]")
    assert strategy.root == Or((Text("children's service*"), Text("multi-agency")))
    assert len(strategy.notices) == 4
