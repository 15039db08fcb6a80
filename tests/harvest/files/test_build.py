from __future__ import annotations

import pytest

from tests.harvest.reading import read


@pytest.mark.parametrize(
    ("value", "label"),
    [("1", "include"), ("0", "exclude"), ("Included", "include"), ("no", "exclude"), ("", None)],
)
def test_labels_are_read_however_they_are_written(value: str, label: str | None) -> None:
    (record,) = read(f"title,abstract,label_included\nOne,x,{value}\n").records
    assert record.label == label
