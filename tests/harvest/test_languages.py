from __future__ import annotations

import pytest

from harvest.languages import language_codes, list_spellings, name_languages


@pytest.mark.parametrize(
    ("field", "names"),
    [
        *((one, ("English",)) for one in ("eng", "ENG", "en", "English", "ENGLISH.", "en-GB")),
        *((one, ("German",)) for one in ("ger", "deu", "de", "de_AT", "Deutsch")),
        *((one, ("Icelandic",)) for one in ("ice", "isl", "is")),
        *((one, ("Chinese",)) for one in ("chi", "zho", "zh-Hans", "Chinese")),
        ("English; French", ("English", "French")),
        ("eng, fre; eng", ("English", "French")),
        ("English and Welsh", ("English", "Welsh")),
        ("esperanto", ("Esperanto",)),
        *((one, ()) for one in (None, "", "und", "mul", " ; ")),
    ],
)
def test_a_language_has_one_name_however_it_is_written(
    field: str | None, names: tuple[str, ...]
) -> None:
    assert name_languages(field) == names


def test_a_language_is_found_by_each_of_its_codes() -> None:
    assert list_spellings("deu") == ("german", "de", "ger", "deu", "deutsch")
    assert list_spellings("Esperanto") == ("esperanto",)
    assert language_codes("nld") == ("nl", "dut")
    assert language_codes("Esperanto") is None
