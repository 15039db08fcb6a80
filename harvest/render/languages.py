"""Names of languages as sources write them: PubMed's name or code to ISO 639-1 and 639-2."""

from __future__ import annotations

# English name: (639-1, 639-2/B as MEDLINE has it).
_CODES = {
    "chinese": ("zh", "chi"),
    "danish": ("da", "dan"),
    "dutch": ("nl", "dut"),
    "english": ("en", "eng"),
    "finnish": ("fi", "fin"),
    "french": ("fr", "fre"),
    "german": ("de", "ger"),
    "icelandic": ("is", "ice"),
    "italian": ("it", "ita"),
    "japanese": ("ja", "jpn"),
    "korean": ("ko", "kor"),
    "norwegian": ("no", "nor"),
    "polish": ("pl", "pol"),
    "portuguese": ("pt", "por"),
    "russian": ("ru", "rus"),
    "spanish": ("es", "spa"),
    "swedish": ("sv", "swe"),
    "turkish": ("tr", "tur"),
    "welsh": ("cy", "wel"),
}


def codes(language: str) -> tuple[str, str] | None:
    """Two-letter and three-letter code of a language; None for one that is not in the list."""
    word = language.strip().lower()
    for name, known in _CODES.items():
        if word == name or word in known:
            return known
    return None
