"""How long somebody waits after failed attempts to sign in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from store.rules.login_delays import DelayRule


def test_the_first_attempts_are_free_and_each_later_one_waits_twice_as_long() -> None:
    rule = DelayRule(free=3, longest=10)
    assert [rule.get_delay(attempts) for attempts in range(8)] == [0, 0, 0, 1, 2, 4, 8, 10]


@given(st.integers(0, 10**6), st.integers(0, 100), st.floats(1, 1000))
def test_a_delay_never_shrinks_and_is_never_longer_than_the_longest(
    attempts: int, free: int, longest: float
) -> None:
    rule = DelayRule(free, longest)
    assert 0 <= rule.get_delay(attempts) <= rule.get_delay(attempts + 1) <= longest
