from __future__ import annotations

import pytest

from harvest.errors import UnreadableFile
from harvest.file_content import FileContent
from harvest.files.ovid_source import parse_source_line
from tests.harvest.reading import read


@pytest.mark.parametrize(
    ("line", "venue", "volume", "issue", "pages", "date"),
    [
        (
            "Behavioural and Cognitive Psychotherapy. Vol.43(5), Sep 2015, pp. 623-634.",
            *("Behavioural and Cognitive Psychotherapy", "43", "5", "623-634", "Sep 2015"),
        ),
        (
            "Forest Ecology & Management. 201(2-3):327-334, November 15, 2004.",
            *("Forest Ecology & Management", "201", "2-3", "327-334", "November 15, 2004"),
        ),
        (
            "ACSM'S Health & Fitness Journal January/February 2010;14(1):56",
            *("ACSM'S Health & Fitness Journal", "14", "1", "56", "January/February 2010"),
        ),
        (
            "Journal of Political Studies 12, Winter 2007: 7-14.",
            *("Journal of Political Studies", "12", None, "7-14", "Winter 2007"),
        ),
        (
            "Thesis Notes A: Letters. Vol.75(2-A(E)),2014, pp. No Pagination Specified.",
            *("Thesis Notes A: Letters", "75", "2-A(E)", None, "2014"),
        ),
        (
            "Invented Care. 12 (3) (pp e101-e110), 2015. Date of Publication: 1 June 2015.",
            *("Invented Care", "12", "3", "e101-e110", "2015"),
        ),
        (
            "Invented Care. 5 (8) (no pagination), 2015. Article Number: e007.",
            *("Invented Care", "5", "8", None, "2015"),
        ),
        (
            "Gazette of Inventions. 1288(3), Nov. 16, 2004.",
            *("Gazette of Inventions", "1288", "3", None, "Nov. 16, 2004"),
        ),
        ("Journal of Islands, 2013(1): 3-28.", "Journal of Islands", "2013", "1", "3-28", None),
        (
            "Ross, M. [Ed]; Reed, T. [Ed]. (2012). Coaching: A guide. (pp. 11-31). xvii, 254 pp.",
            *("Coaching: A guide", None, None, "11-31", "2012"),
        ),
        (
            "Ross, M. [Editor, Author], Reed, T. [Editor]. On boots.:371-397, 2004. Series: A.",
            *("On boots", None, None, "371-397", "2004"),
        ),
        ("Hydro. 2007 15 June; 433-441.", "Hydro", None, None, "433-441", "2007 15 June"),
        ("Meetings of Zoos. 2005; 9pp..", "Meetings of Zoos", None, None, None, "2005"),
        (
            "Ross, M. [Ed.]. [On fish of the East.] [O rybakh.] A Press, Omsk. 2002: 1-234. "
            "Chapter pagination: 214-218.",
            *("[On fish of the East.]", None, None, "214-218", "2002"),
        ),
        ("Journal of Orthopaedic Trauma.", "Journal of Orthopaedic Trauma", *(None,) * 4),
        (None, *(None,) * 5),
    ],
)
def test_ovids_source_line_is_read_into_its_parts(
    line: str | None,
    venue: str | None,
    volume: str | None,
    issue: str | None,
    pages: str | None,
    date: str | None,
) -> None:
    found = parse_source_line(line)
    assert (found.venue, found.volume, found.issue, found.pages, found.date) == (
        *(venue, volume, issue, pages, date),
    )


OVID = """Database: Ovid MEDLINE(R) ALL <1946 to November 20, 2026>
Search Strategy:
--------------------------------------------------------------------------------
1     exp Child/ (2,012,345)
2     social work*.tw. (31200)
3     1 and 2 (4510)

***************************
<1. >
DB  - Ovid MEDLINE(R)
AN  - 1
AU  - Ross, Mary
TI  - Joint work of schools and social care. [Review]
SO  - Child Care. 12(3):4-9, May 2020.
AB  - What joint work asks
      of people.
YR  - 2020
<2. >
DB  - Ovid MEDLINE(R)
AN  - 2
TI  - A second
AB  - Cut in the mid"""


def test_ovids_own_search_history_is_read_into_the_search_and_a_cut_is_reported() -> None:
    found = read(OVID.encode())
    assert found.format == "ovid"
    assert found.origin.database == "Ovid MEDLINE(R) ALL <1946 to November 20, 2026>"
    assert found.origin.platform == "Ovid"
    assert found.origin.strategy is not None
    assert found.origin.strategy.split("\n")[1] == "2     social work*.tw. (31200)"
    assert found.origin.reported == 4510
    first, second = found.records
    assert (first.title, first.abstract) == (
        "Joint work of schools and social care.",
        "What joint work asks of people.",
    )
    assert (first.venue, first.volume, first.issue, first.pages) == (
        *("Child Care", "12", "3", "4-9"),
    )
    assert (second.title, second.abstract) == ("A second", "Cut in the mid")
    (notice,) = found.notices
    assert "it was cut" in notice


@pytest.mark.parametrize("at", range(20, len(OVID), 37))
def test_an_ovid_file_cut_anywhere_is_read_as_far_as_it_goes_or_refused(at: int) -> None:
    whole = read(OVID.encode())
    try:
        found: FileContent = read(OVID[:at].encode())
    except UnreadableFile as error:
        assert error.remedy
        assert "<1. >" not in OVID[:at]
        return
    assert len(found.records) <= len(whole.records)
    assert found.entries_read == OVID[:at].count(". >")
