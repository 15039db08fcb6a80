from __future__ import annotations

import pytest

from harvest.errors import UnreadableFile
from tests.harvest.reading import read

BOMB = '<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'


EXTERNAL = '<!DOCTYPE xml [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("prolog", [BOMB, EXTERNAL])
def test_a_file_that_declares_entities_is_refused(prolog: str) -> None:
    text = f"<?xml version='1.0'?>\n{prolog}<xml><records><record><titles><title>&b;&a;</title>"
    with pytest.raises(UnreadableFile, match="declares its own entities") as caught:
        read(f"{text}</titles></record></records></xml>")
    assert caught.value.line == 2
    assert caught.value.remedy
