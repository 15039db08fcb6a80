"""A small review rebuilt from its searches to its documents, and every figure counted again."""

from __future__ import annotations

import pytest

from benchmarks import printed
from benchmarks.end_to_end import measure, python_with_pandas
from benchmarks.rebuilt_review import SLICE
from tests.shared import needs_shared


@needs_shared
@pytest.mark.skipif(python_with_pandas() is None, reason="pandas is absent: `make bench-peers`")
def test_every_figure_of_every_document_is_the_one_that_separate_code_counts() -> None:
    found = measure(SLICE)
    assert found["different"] == []
    assert found["not_compared"] == []
    assert found["figures"] > 700
    # Nothing went through without being exercised.
    assert found["undone"]
    assert found["corrected"]
    assert all(found["conflicts"].values())


def test_a_number_in_no_known_sentence_is_found() -> None:
    document = "## Search 3\nOf 1,051 records, 12 % were kept (0.50 to 1.00).\n7 more.\n"
    templates = (
        "Of {records} records, {kept.(search):%} % were kept[[ ({low:~} to {high:~})]].",
        "never {seen}",
    )
    reading = printed.read(document, templates, (r"^## Search (?P<search>\d+)",))
    found = {each.name: (each.number, each.precision) for each in reading.figures}
    assert found == {
        "records": (1051.0, 0.5),
        "kept.3": (0.12, 0.005),
        "low": (0.5, 0.005),
        "high": (1.0, 0.005),
    }
    assert reading.others == [("3", "## Search ⟦3⟧"), ("7", "⟦7⟧ more.")]


def test_a_page_is_read_line_by_line_without_its_frame() -> None:
    page = "<nav>9</nav><main><dl><dt>Kept</dt><dd>3</dd></dl><td>1</td><td>2</td></tr></main>"
    assert printed.text_of(page) == "Kept: 3\n1 | 2 |"
