from __future__ import annotations

import itertools

from harvest.dedupe.groups import Links, group


def test_a_person_s_veto_splits_and_stays() -> None:
    same = [("a", "b"), ("b", "c")]
    assert group("abc", Links(same)).groups == (("a", "b", "c"),)
    parted = group("abc", Links(same, apart=[("a", "c")]))
    assert parted.groups == (("a", "b"), ("c",))
    assert [(refused.a, refused.b, refused.apart) for refused in parted.refused] == [
        ("b", "c", ("c", "a"))
    ]
    # A later record that fits both cannot undo what stood before.
    later = group("abcx", Links([*same, ("a", "x"), ("c", "x")], apart=[("a", "c")]))
    assert later.groups[0][:2] == ("a", "b")
    # What a person joins goes first, and may itself be refused.
    assert group("abc", Links(same, [("a", "c")], [("a", "b")])).groups == (("a", "c"), ("b",))


def test_sides_decided_differently_are_joined_by_a_person_only() -> None:
    decided = {"a": (1, "include"), "b": (2, "exclude")}
    found = group("abc", Links([("a", "b"), ("b", "c")], decided=decided))
    assert found.groups == (("a",), ("b", "c"))
    assert found.refused[0].why == "standing"
    joined = group("abc", Links([("b", "c")], [("a", "b")], decided=decided))
    assert joined.groups == (("a", "b", "c"),)
    # The newest counts: a later exclude joins, a later include does not.
    also = {**decided, "c": (3, "exclude")}
    assert group("abc", Links([("b", "c")], [("a", "b")], decided=also)).groups == (
        ("a", "b", "c"),
    )


def test_contradicting_decisions_are_shown_and_nothing_loops() -> None:
    pairs = [("a", "b"), ("b", "c"), ("a", "c")]
    found = group("abc", Links(pairs, apart=pairs))
    assert found.groups == (("a",), ("b",), ("c",))
    assert len(found.refused) == 3


def test_no_group_grows_beyond_its_limit() -> None:
    pairs = list(itertools.pairwise(range(30)))
    found = group(range(30), Links(pairs), limit=10)
    assert max(map(len, found.groups)) == 10
    assert all(refused.why == "limit" for refused in found.refused)
    assert sorted(member for members in found.groups for member in members) == list(range(30))
