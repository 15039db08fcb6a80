"""Read XML safely: without network access or entities from the file, and with errors by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from lxml import etree

from harvest.errors import UnreadableFile
from harvest.text import decode

_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
# How far a declaration is looked for, to say in which line it is.
_DOCTYPE_HEAD = 1024 * 1024
_SAFELY: Final[dict[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
_FIRST = re.compile(r"\s*(?:<([A-Za-z_][\w.-]*)(?=[\s/>])|(<\?|<!--|<!DOCTYPE))", re.IGNORECASE)


def _refuse_entities(stream: BinaryIO) -> None:
    """Refuse a document type that declares entities; no format that we read needs them.

    The parser reads as far as the root element: all entities are declared before it.
    """
    for _, root in etree.iterparse(stream, events=("start",), **_SAFELY):
        dtd = root.getroottree().docinfo.internalDTD
        if dtd is None or not any(True for _ in dtd.iterentities()):
            return
        stream.seek(0)
        probe = stream.read(_DOCTYPE_HEAD).replace(b"\x00", b"")
        match = _ENTITY.search(probe)
        raise UnreadableFile(
            "The XML file declares its own entities, which can read other files or grow without "
            "limit.",
            remedy="Export the records again from the database; its exports declare none.",
            line=probe[: match.start()].count(b"\n") + 1 if match else None,
        )


def root_name(head: bytes) -> str | None:
    """Name of an XML file's root element, from its first bytes; None if it is not XML."""
    text = decode(head).text if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else head.decode("latin-1")
    text = text.lstrip("\ufeffï»¿ \t\n")
    if not text.startswith("<"):
        return None
    at = 0
    while at >= 0:
        match = _FIRST.match(text, at)
        if match is None:
            return None
        if match.group(1):
            return match.group(1)
        at = _behind(text, match.end(), match.group(2))
    return None


def _behind(text: str, at: int, begins: str) -> int:
    """The place behind an instruction, comment or document type; -1 if it has no end."""
    if begins in ("<?", "<!--"):
        end = "?>" if begins == "<?" else "-->"
        found = text.find(end, at)
        return found + len(end) if found >= 0 else -1
    # A document type can have declarations in brackets.
    bracket, end_at = text.find("[", at), text.find(">", at)
    if 0 <= bracket < end_at:
        end_at = text.find(">", max(text.find("]", bracket), bracket))
    return end_at + 1 if end_at >= 0 else -1


def elements(stream: BinaryIO, names: set[str]) -> Iterator[etree._Element]:
    """Yield elements with these names one by one; each is freed before the next.

    Raises:
        UnreadableFile: the XML is not well-formed, declares entities, or nests too deeply.
    """
    try:
        stream.seek(0)
        _refuse_entities(stream)
        stream.seek(0)
        context = etree.iterparse(stream, events=("end",), tag=sorted(names), **_SAFELY)
        for _, element in context:
            yield element
            element.clear()
            while element.getprevious() is not None and element.getparent() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise UnreadableFile(
            f"The XML is not well-formed: {error.msg}.",
            remedy="Export or download the file again; it may have been cut off.",
            line=error.lineno,
        ) from error


def line_of(element: etree._Element) -> int | None:
    """Line of the file where an element starts; None if the parser did not keep it."""
    line = element.sourceline
    return line if isinstance(line, int) else None


def text_of(element: etree._Element | None) -> str | None:
    """All text in an element, without inline markup; None for no element or no text."""
    if element is None:
        return None
    if not len(element):
        # Most elements contain only text; iterating over them takes ten times as long.
        plain = element.text
        return plain if plain and not plain.isspace() else None
    text = "".join(part for part in element.itertext() if isinstance(part, str))
    return text if text.strip() else None


def texts(parent: etree._Element, path: str) -> list[str]:
    """Texts of all non-empty elements at a path below a parent."""
    return [text for text in map(text_of, parent.iterfind(path)) if text]
