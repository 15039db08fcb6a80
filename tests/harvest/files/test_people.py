"""Names in every form that files use: one a line, joined in a cell, organisations, nobody."""

from __future__ import annotations

import pytest

from harvest.files.people import split_name_line, split_people, take_name
from tests.harvest.reading import read


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("Smith, Jane and Brown, Ann", ["Smith, Jane", "Brown, Ann"]),
        ("Smith, Jane, and Brown, Ann", ["Smith, Jane", "Brown, Ann"]),
        ("Smith, J., Brown, A. & Okafor, C.", ["Smith, J.", "Brown, A.", "Okafor, C."]),
        ("Jane Smith, Ann Brown & Chidi Okafor", ["Jane Smith", "Ann Brown", "Chidi Okafor"]),
        ("Jane Smith and Ann Brown", ["Jane Smith", "Ann Brown"]),
        ("Smith, Jane//Brown, Ann", ["Smith, Jane", "Brown, Ann"]),
        ("Smith, J\nBrown, A", ["Smith, J", "Brown, A"]),
        ("['Jane Smith', 'Ann O\\'Brien']", ["Jane Smith", "Ann O'Brien"]),
        ('["Smith, Jane"]', ["Smith, Jane"]),
        ("Smith J and the ABC Study Group", ["Smith J", "the ABC Study Group"]),
        ("Department of Health and Social Care", ["Department of Health and Social Care"]),
        ("Ministry of Children & Families", ["Ministry of Children & Families"]),
        (
            "Food and Agriculture Organization; Smith J",
            ["Food and Agriculture Organization", "Smith J"],
        ),
        ("Smith, Jane", ["Smith, Jane"]),
        ("[not a list", ["[not a list"]),
        ("['cut off', 'in", ["['cut off', 'in"]),
    ],
)
def test_a_cell_holds_people_in_many_forms(cell: str, names: list[str]) -> None:
    assert [author.name for author in split_people(cell)] == names


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Okafor, Chidi; Kask, Mari;", ["Okafor, Chidi", "Kask, Mari"]),
        ("Smith, Jane and Brown, Ann", ["Smith, Jane", "Brown, Ann"]),
        ("Smith, J., Brown, K., Okafor, C.", ["Smith, J.", "Brown, K.", "Okafor, C."]),
        ("Golde T. E., DeKosky S. T., Galasko D.", ["Golde T. E.", "DeKosky S. T.", "Galasko D."]),
        # One name each.
        ("García Márquez, Gabriel José", ["García Márquez, Gabriel José"]),
        ("Smith, J., Jr.", ["Smith, J., Jr."]),
        ("Müller-Lüdenscheidt, Hans-Peter", ["Müller-Lüdenscheidt, Hans-Peter"]),
        ("Department of Health and Social Care", ["Department of Health and Social Care"]),
        (
            "Scottish Government, Children and Families",
            ["Scottish Government, Children and Families"],
        ),
        ("{Health, Welfare and Sport}", ["{Health, Welfare and Sport}"]),
    ],
)
def test_a_line_of_one_name_is_parted_only_where_it_plainly_holds_more(
    line: str, names: list[str]
) -> None:
    assert [author.name for author in split_name_line(line)] == names


@pytest.mark.parametrize(
    ("written", "name", "collective"),
    [
        ("{World Health Organization}", "World Health Organization", True),
        ("{{World Health Organization}}", "World Health Organization", True),
        ("Scottish Government,", "Scottish Government", True),
        ("Smith,", "Smith", False),
        ("van der Berg,", "van der Berg", False),
        ("Okafor, C.", "Okafor, C.", False),
        ("C Okafor…", "C Okafor", False),
        ("et al.", "", False),
        ("et al", "", False),
        ("et al.,", "", False),
        ("Ross, null", "Ross", False),
        ("Al, Etta", "Al, Etta", False),
    ],
)
def test_one_name_is_cleaned(written: str, name: str, collective: bool) -> None:
    assert take_name(written) == (name, collective)


@pytest.mark.parametrize(
    "data",
    [
        "TY  - JOUR\nTI  - Boots\nAU  - " + "\n " * 100_000 + "\nER  - \n",
        "@article{a,\n title={Boots},\n author={" + "," * 200_000 + "},\n}\n",
        "<1>\nUnique Identifier\n  123\nTitle\n  Boots\nSource\n  " + "Vol. " * 50_000 + "\n",
        "<1>\nUnique Identifier\n  123\nTitle\n  Boots\nAuthors\n  " + "[" * 500_000 + "\n",
        "FN Clarivate\nVR 1.0\nPT J\nTI Boots\nAU " + "(" * 200_000 + "\nER\n\nEF\n",
    ],
)
def test_a_field_of_marks_alone_takes_time_in_proportion(data: str) -> None:
    """With a search from every mark, these took minutes to hours."""
    assert len(read(data).records) == 1
