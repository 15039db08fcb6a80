"""Rayyan: decisions of each person, reasons, labels and notes in a record's notes.

``RAYYAN-INCLUSION: {"Ada"=>"Included", "Ben"=>"Maybe"} | RAYYAN-EXCLUSION-REASONS: wrong
population | RAYYAN-LABELS: RCT | USER-NOTES: {"Ada"=>["check arms"]}``. With blinding on, the
export names only the person who makes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from harvest.files.labels.judgement import NOTHING, Decision, Judgement, Reading, is_undecided
from harvest.record import Record

_INCLUSION: Final = "RAYYAN-INCLUSION"
_REASONS: Final = "RAYYAN-EXCLUSION-REASONS"
_LABELS: Final = "RAYYAN-LABELS"
_NOTES: Final = "USER-NOTES"
_KNOWN: Final = (_INCLUSION, _REASONS, _LABELS, _NOTES)
# Fields of BibTeX, as they are written.
_BIBTEX: Final = ("note", "annote")
_ESCAPED: Final = '\\"='
_KEY = re.compile(r"(?:(?<=[\s|>])|^)(RAYYAN-[A-Z][A-Z-]*|USER-NOTES)\s*:\s*")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ARROW = re.compile(r"\s*=>\s*")
_BARE = re.compile(r"(\w+)")
# The next string of a list, or its end.
_ITEM = re.compile(r'[^"\]]*(?:"((?:[^"\\]|\\.)*)"|\])', re.DOTALL)
_WORDS: Final[Mapping[str, Decision]] = {
    "included": "include",
    "true": "include",
    "excluded": "exclude",
    "false": "exclude",
    "maybe": "maybe",
}


def is_marked(record: Record) -> bool:
    """Whether a record carries one of Rayyan's notes."""
    return any(map(_has_mark, _texts(record)))


def read(record: Record) -> Reading:
    """What Rayyan's notes on a record say."""
    parts: dict[str, list[str]] = {}
    for text in _texts(record):
        for key, value in _split(text):
            parts.setdefault(key, []).append(value)
    if not parts:
        return NOTHING
    reasons = _list(parts.get(_REASONS, ()))
    labels = _list(parts.get(_LABELS, ()))
    notes = _user_notes(parts.get(_NOTES, ()))
    # In a second round, some teams import the first round's export, whose keys these are.
    unread = [key for key in parts if key not in _KNOWN]
    by_person, unclear = _decisions(parts.get(_INCLUSION, ()))
    judgements = tuple(
        Judgement(
            decision,
            person or None,
            reasons=reasons if decision == "exclude" else (),
            labels=labels,
            note=notes.get(person),
        )
        for person, decision in by_person.items()
    )
    return Reading(judgements, (*unread, *unclear))


def strip(record: Record) -> Record:
    """A record without what Rayyan wrote about decisions."""
    notes = (_strip(text) for text in record.notes)
    extra = {
        name: value
        for name, value in record.extra.items()
        if name not in _KNOWN and not (name in _BIBTEX and _has_mark(value))
    }
    return replace(record, notes=tuple(filter(None, notes)), extra=extra)


def _strip(text: str) -> str:
    kept, at = "", 0
    for _, _, begin, end in _sections(text):
        kept += text[at:begin]
        at = end
    return f"{kept}{text[at:]}".strip(" |") if at else text


def _texts(record: Record) -> list[str]:
    """The texts that may hold Rayyan's notes.

    BibTeX escapes quotes and arrows, and read as LaTeX a quote before a letter is an accent. So the
    fields are read as they are written.
    """
    columns = [f"{key}: {value}" for key, value in record.extra.items() if key in _KNOWN]
    written = [record.extra[key] for key in _BIBTEX if key in record.extra]
    notes = written if any(map(_has_mark, written)) else record.notes
    return [
        text.replace('\\"', '"').replace("=\\>", "=>") if _ESCAPED in text else text
        for text in (*notes, *columns)
    ]


def _has_mark(text: str) -> bool:
    return any(key in text for key in (_INCLUSION, _REASONS, _LABELS))


def _split(text: str) -> Iterator[tuple[str, str]]:
    """The keys of a note with their values."""
    for key, value, _, _ in _sections(text):
        yield key, value


def _sections(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Keys with their values and places; a key inside somebody's quoted note is no key."""
    at = 0
    while match := _KEY.search(text, at):
        begin = match.end()
        if text[begin : begin + 1] == "{":
            end = _closing(text, begin)
        else:
            following = _KEY.search(text, begin)
            end = following.start() if following else len(text)
        yield match.group(1), text[begin:end].strip().rstrip("|").strip(), match.start(), end
        at = max(end, begin)


def _closing(text: str, begin: int) -> int:
    """The place behind the bracket that closes the one at ``begin``, or else the text's end."""
    depth, at = 0, begin
    while at < len(text):
        char = text[at]
        if char == '"':
            quoted = _STRING.match(text, at)
            if quoted is None:
                return len(text)
            at = quoted.end()
            continue
        depth += (char in "{[") - (char in "}]")
        at += 1
        if depth <= 0:
            return at
    return len(text)


def _pairs(text: str) -> Iterator[tuple[str, str | list[str]]]:
    """Names with what an arrow gives each of them: a word, or a list of strings.

    A list without its end is left out. Every character is looked at once, so the time grows with
    the length of the text alone.
    """
    at = text.find('"')
    while at >= 0:
        name = _STRING.match(text, at)
        if name is None:
            return
        arrow = _ARROW.match(text, name.end())
        at = name.end() if arrow is None else arrow.end()
        if arrow is not None and text.startswith("[", at):
            items, at = _read_list(text, at + 1)
            if items is not None:
                yield name.group(1), items
        elif arrow is not None and (word := _STRING.match(text, at) or _BARE.match(text, at)):
            yield name.group(1), word.group(1)
            at = word.end()
        at = text.find('"', at)


def _read_list(text: str, at: int) -> tuple[list[str] | None, int]:
    """The strings up to the list's end, and the place behind it; None if it has no end."""
    items: list[str] = []
    while match := _ITEM.match(text, at):
        at = match.end()
        if match.group(1) is None:
            return items, at
        items.append(match.group(1))
    return None, len(text)


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text).strip()


def _decisions(values: Iterable[str]) -> tuple[dict[str, Decision], list[str]]:
    """Each person's decision, and values that were not understood.

    A person with two decisions on one record has none: the file does not say which is the later.
    """
    found: dict[str, set[Decision]] = {}
    unread: list[str] = []
    for value in values:
        pairs = [
            (_plain(name), _plain(word)) for name, word in _pairs(value) if isinstance(word, str)
        ]
        if not pairs:
            # An export without names: "RAYYAN-INCLUSION: Included".
            pairs = [("", value.strip('{}" '))]
        for name, word in pairs:
            decision = _WORDS.get(word.lower())
            if decision is not None:
                found.setdefault(name, set()).add(decision)
            elif not is_undecided(word):
                unread.append(word)
    twice = [name for name, decisions in found.items() if len(decisions) > 1]
    unread.extend("two decisions of one person" for _ in twice)
    return {name: min(found[name]) for name in found if name not in twice}, unread


def _list(values: Iterable[str]) -> tuple[str, ...]:
    items = (
        item.strip().strip('"').removeprefix("__EXR__") for v in values for item in v.split(",")
    )
    return tuple(dict.fromkeys(item.strip() for item in items if item.strip()))


def _user_notes(values: Iterable[str]) -> dict[str, str]:
    notes: dict[str, list[str]] = {}
    for value in values:
        for name, texts in _pairs(value):
            if isinstance(texts, list):
                notes.setdefault(_plain(name), []).extend(map(_plain, texts))
    return {name: "; ".join(filter(None, texts)) for name, texts in notes.items() if any(texts)}
