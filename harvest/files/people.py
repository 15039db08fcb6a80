"""Names of people and organisations: part several in one value, and clean one."""

from __future__ import annotations

import ast
import re

from harvest.record import Author

# Initials: "J", "J.", "J.-P.", "G.N.", "GN"; a suffix belongs to the name before it.
_INITIALS = re.compile(r"^(?:[A-Z][a-z]?\.?[ -]?){1,4}$")
_SUFFIX = re.compile(r"^(?:Jr\.?|Sr\.|II|III|2nd|3rd)$")
# "Smith JA", "van der Berg J.-P."
_NAME_INITIALS = re.compile(r"^[^\W\d][^\d,]* (?:[A-Z]\.?-?){1,4}$")
_AND = re.compile(r"(?:,|(?<![\s,]))\s+(?:and|&)\s+")
_BETWEEN_PEOPLE = re.compile(r"[;|\n]|//")
# Words of organisations' names. Without such a word "and" parts two people.
_ORGANISATION = re.compile(
    r"\b(?:of|for|the|on|in|department|ministry|government|council|committee|commission|agency|office"
    r"|institute|cent(?:re|er)|university|college|school|hospital|association|society|organi[sz]ation"
    r"|federation|foundation|trust|group|consortium|network|collaboration|alliance|board|service"
    r"|services|health|care|welfare|education|children|families|research|national|royal|united"
    r"|nations|health\s?care|sciences?|studies)\b",
    re.IGNORECASE,
)
_ETAL = re.compile(r"^(?:et\.? al(?:ii|\.)?|others|and others|u\.\s?a\.)\.?$", re.IGNORECASE)

_LIST = re.compile(r"^\[\s*['\"].*['\"]\s*\]$", re.DOTALL)
_ETAL_STARTS = frozenset("eEoOaAuU")


def take_name(name: str) -> tuple[str, bool]:
    """Clean one name: the name, "" if it names nobody ("et al."), and whether it is collective.

    Braces keep an organisation's name in one piece, and so does a comma at the end.
    """
    name = name.strip()
    if name.endswith(("…", "...")):
        name = re.sub(r"(?<!\s)\s*(?:…|\.\.\.)$", "", name)
    if "," in name:
        # A given name that a program did not know.
        name = re.sub(r",\s*(?:null|undefined|n/?a)$", "", name, flags=re.IGNORECASE)
    if name[:1] in _ETAL_STARTS and _ETAL.match(name.rstrip(" ,;")):
        return "", False
    inner = re.fullmatch(r"\{+([^{}]+)\}+", name) if name[:1] == "{" else None
    if inner:
        return inner.group(1).strip(" ,"), True
    bare = name.rstrip(" ,;")
    return bare, bare != name and name.endswith(",") and bool(re.match(r"[A-Z]\S* \S", bare))


def split_people(text: str | None) -> list[Author]:
    """Split a cell of people at ";", "|", "//" or line breaks, or else at " and " or ",".

    A comma parts people ("Liu R., Adler D.G., WHO"), parts a family name from its initials
    ("Gatica, G.N., van der Berg, J."), or both; in "Smith, Tom" it parts the names of one person.
    A list as Python or JSON writes it is read as such. The "and" in an organisation's name parts
    nothing ("Department of Health and Social Care").
    """
    text = (text or "").strip()
    if not text:
        return []
    parts = read_list(text)
    if not parts and _BETWEEN_PEOPLE.search(text):
        parts = _BETWEEN_PEOPLE.split(text)
    elif not parts:
        parts = [one for piece in _split_and(text) for one in _split_commas(piece)]
    return [Author(name) for part in parts if (name := part.strip())]


def split_name_line(text: str) -> list[Author]:
    """Split a line that should hold one name, where it plainly holds more.

    It does at ";", where each of the parts around "and" is "Family, Given", and where commas part
    families from initials or one "Family INITIALS" from another.
    """
    # A long run of spaces would be searched from each of them.
    text = " ".join(text.split())
    if ";" in text:
        parts = text.split(";")
    elif "{" in text:
        parts = [text]
    else:
        parts = _AND.split(text)
        if not all("," in part for part in parts):
            parts = [text]
        parts = [one for part in parts for one in _split_plain_commas(part)]
    return [Author(part.strip()) for part in parts if part.strip()]


def _split_plain_commas(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > 1 and all(map(_NAME_INITIALS.match, parts)):
        return parts
    return _split_commas(text) if _are_pairs(_join_suffixes(parts)) and len(parts) > 3 else [text]


def read_list(text: str) -> list[str]:
    """The texts of a list that a program wrote: "['Jane Smith', 'Ann Brown']"; else none."""
    if not text.startswith("[") or not _LIST.match(text):
        return []
    try:
        items = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    return [item for item in items if isinstance(item, str)]


def _split_and(text: str) -> list[str]:
    line = " ".join(text.split())
    parts = _AND.split(line) if "and" in line or "&" in line else [line]
    a_person = any("," in part or _NAME_INITIALS.match(part.strip()) for part in parts)
    return parts if a_person or not _ORGANISATION.search(text) else [text]


def _join_suffixes(parts: list[str]) -> list[str]:
    joined: list[str] = []
    waiting = ""
    for part in reversed(parts):
        whole, waiting = f"{part}, {waiting}" if waiting else part, ""
        if _SUFFIX.match(whole):
            waiting = whole
        else:
            joined.append(whole)
    return [*([waiting] if waiting else []), *reversed(joined)]


def _are_pairs(parts: list[str]) -> bool:
    given = [part.split(", ")[0] for part in parts[1::2]]
    return len(parts) > 1 and len(parts) % 2 == 0 and all(map(_INITIALS.match, given))


def _split_commas(text: str) -> list[str]:
    parts = _join_suffixes([part.strip() for part in text.split(",") if part.strip()])
    if _are_pairs(parts):
        return [", ".join(pair) for pair in zip(parts[0::2], parts[1::2], strict=True)]
    # One name of two or more words in two is enough: the others are one-word names.
    several = sum(" " in part for part in parts)
    return parts if 2 * several > len(parts) or several == len(parts) else [text]
