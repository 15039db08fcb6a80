"""Read XML safely: without network access or entities from the file, and with errors by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree

from harvest.errors import UnreadableFile
from harvest.text import decode

_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_DOCTYPE_HEAD = 64 * 1024


def _refuse_entities(head: bytes) -> None:
    """Refuse a document type that declares entities; no format that we read needs them."""
    probe = head.replace(b"\x00", b"")
    match = _ENTITY.search(probe)
    if match:
        raise UnreadableFile(
            "The XML file declares its own entities, which can read other files or grow without "
            "limit.",
            remedy="Export the records again from the database; its exports declare none.",
            line=probe[: match.start()].count(b"\n") + 1,
        )


def root_name(head: bytes) -> str | None:
    """Name of an XML file's root element, from its first bytes; None if it is not XML."""
    text = decode(head).text if head[:2] in {b"\xff\xfe", b"\xfe\xff"} else head.decode("latin-1")
    text = text.lstrip("\ufeffï»¿ \t\n")
    if not text.startswith("<"):
        return None
    text = re.sub(r"<\?.*?\?>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"<!DOCTYPE[^\[>]*(\[.*?\])?[^>]*>", "", text, flags=re.DOTALL | re.IGNORECASE)
    match = re.match(r"\s*<([A-Za-z_][\w.-]*)(?=[\s/>])", text)
    return match.group(1) if match else None


def elements(stream: BinaryIO, names: set[str]) -> Iterator[etree._Element]:
    """Yield elements with these names one by one; each is freed before the next.

    Raises:
        UnreadableFile: the XML is not well-formed, declares entities, or nests too deeply.
    """
    head = stream.read(_DOCTYPE_HEAD)
    _refuse_entities(head)
    stream.seek(0)
    context = etree.iterparse(
        stream,
        events=("end",),
        tag=sorted(names),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
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
