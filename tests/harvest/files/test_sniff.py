from __future__ import annotations

import pytest

from harvest.errors import UnknownFormat
from tests.harvest.reading import read


def test_another_root_is_refused_by_its_name() -> None:
    with pytest.raises(UnknownFormat, match="<eSearchResult>"):
        read("<?xml version='1.0'?><eSearchResult><Count>1</Count></eSearchResult>")
