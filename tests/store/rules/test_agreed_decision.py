"""What several people's decisions on one report result in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from store.rules.agreed_decision import INCLUDING, ActiveDecision, find_outcome
from tests.store.deciding import DECISIONS


@given(
    words=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(DECISIONS)), max_size=6),
    needed=st.integers(1, 3),
)
def test_the_outcome_of_several_decisions_follows_the_plan(
    words: list[tuple[int, str]], needed: int
) -> None:
    lines = [ActiveDecision(at, who, word) for at, (who, word) in enumerate(words, start=1)]
    found = find_outcome(lines, lambda _: needed)
    own = dict(words)
    if not lines:
        assert (found.state, found.decision_id, found.first_id) == ("open", None, None)
        return
    assert found.first_id == 1
    if needed == 1:
        assert (found.state, found.decision_id) == ("settled", len(lines))
    elif len(own) < needed:
        assert (found.state, found.decision_id) == ("awaiting", None)
    elif len({word in INCLUDING for word in own.values()}) == 2:
        assert (found.state, found.decision_id) == ("conflict", None)
    else:
        assert found.state == "settled"
        assert found.decision_id is not None
        counted = words[found.decision_id - 1]
        assert counted[1] == ("include" if "include" in own.values() else counted[1])
        assert own[counted[0]] == counted[1]
    # Somebody else's decision overrules theirs.
    settled = find_outcome(
        [*lines, ActiveDecision(99, 9, "exclude", "adjudication")], lambda _: needed
    )
    assert (settled.state, settled.decision_id) == ("settled", 99)


def test_at_full_text_a_maybe_waits_for_a_final_decision() -> None:
    def stands(*words: str, needed: int = 1) -> str:
        lines = [ActiveDecision(at, at, word) for at, word in enumerate(words, start=1)]
        return find_outcome(lines, lambda _: needed, maybe_waits=True).state

    assert stands("maybe") == "awaiting"
    assert stands("maybe", "include") == "settled"
    assert stands("maybe", "maybe", needed=2) == "awaiting"
    assert stands("maybe", "exclude", needed=2) == "conflict"
    assert stands("maybe", "include", needed=2) == "settled"
    assert find_outcome([ActiveDecision(1, 1, "maybe")], lambda _: 1).state == "settled"
