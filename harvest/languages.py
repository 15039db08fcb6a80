"""Names and codes of languages: as PubMed writes them, ISO 639-1 and 639-2."""

from __future__ import annotations

import re
from typing import Final

# English name: ISO 639-1; 639-2/B, as MEDLINE uses it; then 639-2/T where that differs, and the
# language's own name where files have it.
_CODES: Final[dict[str, tuple[str, ...]]] = {
    "afrikaans": ("af", "afr"),
    "arabic": ("ar", "ara"),
    "bulgarian": ("bg", "bul"),
    "catalan": ("ca", "cat"),
    "chinese": ("zh", "chi", "zho"),
    "croatian": ("hr", "hrv"),
    "czech": ("cs", "cze", "ces"),
    "danish": ("da", "dan"),
    "dutch": ("nl", "dut", "nld", "nederlands"),
    "english": ("en", "eng"),
    "estonian": ("et", "est"),
    "finnish": ("fi", "fin"),
    "french": ("fr", "fre", "fra", "français"),
    "georgian": ("ka", "geo", "kat"),
    "german": ("de", "ger", "deu", "deutsch"),
    "greek": ("el", "gre", "ell"),
    "hebrew": ("he", "heb"),
    "hungarian": ("hu", "hun"),
    "icelandic": ("is", "ice", "isl"),
    "indonesian": ("id", "ind"),
    "italian": ("it", "ita", "italiano"),
    "japanese": ("ja", "jpn"),
    "korean": ("ko", "kor"),
    "latvian": ("lv", "lav"),
    "lithuanian": ("lt", "lit"),
    "norwegian": ("no", "nor"),
    "persian": ("fa", "per", "fas"),
    "polish": ("pl", "pol"),
    "portuguese": ("pt", "por", "português"),
    "romanian": ("ro", "rum", "ron"),
    "russian": ("ru", "rus"),
    "serbian": ("sr", "srp"),
    "slovak": ("sk", "slo", "slk"),
    "slovenian": ("sl", "slv"),
    "spanish": ("es", "spa", "español"),
    "swedish": ("sv", "swe"),
    "thai": ("th", "tha"),
    "turkish": ("tr", "tur"),
    "ukrainian": ("uk", "ukr"),
    "vietnamese": ("vi", "vie"),
    "welsh": ("cy", "wel", "cym"),
}
# Not determined, several, and no words: sources write these codes where they state no language.
_NONE: Final = ("und", "mul", "zxx", "mis")
_BETWEEN: Final = re.compile(r"[;,/|&]|\band\b", re.IGNORECASE)
_REGION: Final = re.compile(r"[-_](?:[A-Za-z]{2,4}|\d{3})$")


def name_language(language: str) -> str | None:
    """The English name of a language from its name or code; None if it is not in the list."""
    word = language.strip(" .").lower()
    base = _REGION.sub("", word)
    for name, codes in _CODES.items():
        if word == name or base in codes:
            return name.capitalize()
    return None


def name_languages(field: str | None) -> tuple[str, ...]:
    """The languages that a record's field names, each by one name; empty if it states none.

    A language that is not in the list keeps its own word.
    """
    words = [part.strip(" .") for part in _BETWEEN.split(field or "")]
    named = (name_language(word) or word.capitalize() for word in words)
    return tuple(dict.fromkeys(name for name in named if name and name.lower() not in _NONE))


def list_spellings(language: str) -> tuple[str, ...]:
    """Name and codes of a language in lower case, or only the word itself."""
    name = (name_language(language) or language.strip()).lower()
    return (name, *_CODES.get(name, ()))


def language_codes(language: str) -> tuple[str, str] | None:
    """Two-letter and three-letter code of a language; None if it is not in the list."""
    name = name_language(language)
    if name is None:
        return None
    two, three, *_ = _CODES[name.lower()]
    return two, three
