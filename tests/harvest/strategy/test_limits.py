"""A strategy's limits beside those of its protocol."""

from __future__ import annotations

import pytest

from harvest.strategy.limits import ReviewLimits, list_limit_warnings, name_years
from harvest.strategy.parse import parse

YEARS = ReviewLimits(2011, 2022)
WITHIN = '"2011"[dp] : "2022"[dp]'


def warnings(text: str, wanted: ReviewLimits = YEARS) -> list[str]:
    return list_limit_warnings(parse(text), wanted)


@pytest.mark.parametrize(
    "text",
    [
        f"child*[tiab] AND ({WITHIN})",
        f"#1 child*[tiab]\n#2 {WITHIN}\n#3 #1 AND #2",
        f"(child*[tiab] AND ({WITHIN})) OR (barn[ti] AND ({WITHIN}))",
        'child*[tiab] AND ("2011/01/01"[dp] : "2022/12/31"[dp])',
        'child*[tiab] AND ("2011"[dp] : "3000"[dp]) AND ("1900"[dp] : "2022"[dp])',
    ],
)
def test_a_strategy_with_the_years_of_its_protocol_gets_no_warning(text: str) -> None:
    assert warnings(text) == []


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("child*[tiab]", "has no limit on years."),
        (f"(child*[tiab] AND ({WITHIN})) OR barn[ti]", "has no limit on years."),
        (f"child*[tiab] NOT ({WITHIN})", "has no limit on years."),
        (
            'child*[tiab] AND ("2000"[dp] : "2022"[dp])',
            "also finds records outside: its limit is 2000 to 2022.",
        ),
        (
            'child*[tiab] AND ("2011"[dp] : "3000"[dp])',
            "also finds records outside: its limit is 2011 and later.",
        ),
        (
            'child*[tiab] AND ("2011/03/01"[dp] : "2022"[dp])',
            "leaves some of that out: its limit is 2011-03-01 to 2022.",
        ),
    ],
)
@pytest.mark.case("figures", 7)
def test_a_strategy_with_other_years_gets_one_sentence(text: str, end: str) -> None:
    (said,) = warnings(text)
    assert said.startswith("The protocol is limited to 2011 to 2022. Line #1 of the strategy ")
    assert said.endswith(end)


def test_years_that_begin_and_end_elsewhere_are_both_said() -> None:
    more, less = warnings('child*[tiab] AND ("2000"[dp] : "2020"[dp])')
    assert "also finds" in more
    assert "leaves some of that out" in less


def test_languages_are_compared_however_they_are_written() -> None:
    wanted = ReviewLimits(languages=("English", "nor"))
    assert warnings("a[ti] AND (eng[la] OR norwegian[la])", wanted) == []
    says = "The protocol is limited to the languages English, nor. Line #1 of the strategy "
    assert warnings("a[ti]", wanted) == [f"{says}has no limit on language."]
    assert warnings("a[ti] AND english[la]", wanted) == [f"{says}leaves out Norwegian."]
    assert warnings("a[ti] AND (english[la] OR french[la])", wanted) == [
        f"{says}also finds French.",
        f"{says}leaves out Norwegian.",
    ]


def test_types_are_compared_in_any_case() -> None:
    wanted = ReviewLimits(types=("Journal Article",))
    assert warnings('a[ti] AND "journal article"[pt]', wanted) == []
    (said,) = warnings("a[ti]", wanted)
    assert said.endswith("has no limit on type.")


def test_a_protocol_without_limits_asks_for_none() -> None:
    assert warnings("a[ti]", ReviewLimits()) == []
    assert name_years(None, None) == ""
    assert [name_years(2011, None), name_years(None, 2022), name_years(2011, 2011)] == [
        "2011 and later",
        "2022 and earlier",
        "2011",
    ]
