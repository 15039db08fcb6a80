"""Text as we keep it: decoded, normalised, without characters that no store accepts."""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from dataclasses import dataclass
from typing import BinaryIO

from anyascii import anyascii
from charset_normalizer import from_bytes

from harvest.errors import UnreadableFile

# A file this full of control characters is not text in any encoding.
_BINARY_SHARE = 0.05
_SAMPLE = 200_000
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_ENOUGH = 40
# What reference managers really write; rarer code pages only lead the statistics astray.
_CODE_PAGES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r"),
    *("shift_jis", "euc_jp", "cp949", "big5", "gb18030", "mac_roman"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SPACE = re.compile(r"\s+")
# What follows a tag's name are attributes, with "=": "<a and b>" is text.
_TAG = re.compile(
    r"</?(?:[a-zA-Z][a-zA-Z0-9]*:)?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>=]{0,40}=[^<>]{0,400})?\s{0,9}/?>"
)
_YEAR = re.compile(r"(?<!\d)(1[0-9]{3}|2[01][0-9]{2})(?!\d)")
_DECLARED = re.compile(rb"^\s*[%@].{0,40}?encoding\s*:\s*([A-Za-z0-9_-]+)", re.IGNORECASE | re.M)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text with line feeds as line ends, and how it was decoded."""

    text: str
    encoding: str
    note: str | None = None


def _sniff_utf16(data: bytes) -> str | None:
    """UTF-16 without a byte order mark shows as zero bytes at every other place."""
    head = data[:4000]
    if len(head) < 4:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if even > 0.4 * half and odd < 0.1 * half:
        return "utf-16-be"
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    return None


def _broken_utf8(data: bytes) -> tuple[str, int] | None:
    """Text and number of replaced bytes, if the data is UTF-8 but for a few broken places."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    good = sum(1 for character in text if character > "\x7f") - broken
    return (text, broken) if good > 20 * broken else None


def _east_asian(data: bytes) -> str | None:
    """Tell GB 18030, EUC-KR and EUC-JP apart by their lead bytes; None for everything else.

    In all three, high bytes come in pairs. Hangul fills the leads B0 to C8; Chinese characters
    reach on to F7; kana have the leads A4 and A5 of their own.
    """
    runs = _HIGH_RUN.findall(data[:_SAMPLE])
    if sum(map(len, runs)) < 8 or any(len(run) % 2 or min(run) < 0xA1 for run in runs):
        return None
    leads = [lead for run in runs for lead in run[0::2]]
    if sum(lead in (0xA4, 0xA5) for lead in leads) > 0.3 * len(leads):
        return "euc_jp"
    return "gb18030" if sum(0xC9 <= lead <= 0xF7 for lead in leads) > 0.1 * len(leads) else "cp949"


def _by_statistics(data: bytes) -> str | None:
    """charset-normalizer's guess; too few high bytes give it nothing to go by."""
    if sum(len(run) for run in _HIGH_RUN.findall(data[:_SAMPLE])) < _ENOUGH:
        return None
    best = from_bytes(data[:_SAMPLE], cp_isolation=list(_CODE_PAGES)).best()
    return best.encoding if best else None


def _guess(data: bytes) -> Decoded:
    declared = _DECLARED.search(data[:2000])
    if declared:
        name = declared.group(1).decode("ascii")
        try:
            codec = codecs.lookup(name).name
            if codec != "utf-8":
                return Decoded(data.decode(codec), codec, f"decoded as the declared {codec}")
        except (LookupError, UnicodeDecodeError):
            pass
    nearly = _broken_utf8(data)
    if nearly:
        text, broken = nearly
        return Decoded(text, "utf-8", f"{broken} byte(s) are not UTF-8 and show as \ufffd")
    for name in (_east_asian(data), _by_statistics(data), "cp1252", "latin-1"):
        if name is None:
            continue
        try:
            return Decoded(data.decode(name), name, f"not UTF-8; decoded as {name} by guess")
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes every byte")


def decode(data: bytes) -> Decoded:
    """Bytes of a text file to text, the encoding detected.

    Order: byte order mark, UTF-16 by its zero bytes, strict UTF-8, a declared encoding, UTF-8 with
    a few broken bytes, then charset-normalizer's guess.

    Raises:
        UnreadableFile: the content is no text.
    """
    decoded = _decode(data)
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    sample = text[:_SAMPLE]
    if sample and len(_CONTROL.findall(sample)) > max(2, _BINARY_SHARE * len(sample)):
        raise UnreadableFile(
            "The file holds binary data, not text.",
            remedy="Export it as RIS, PubMed (NBIB), BibTeX, EndNote XML, CSV or XLSX.",
        )
    return Decoded(text, decoded.encoding, decoded.note)


def _decode(data: bytes) -> Decoded:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            text = data[len(mark) :].decode(name, errors="replace")
            broken = text.count("\ufffd")
            note = f"{broken} character(s) could not be decoded" if broken else None
            return Decoded(text, name, note)
    utf16 = _sniff_utf16(data)
    if utf16:
        return Decoded(data.decode(utf16, errors="replace"), utf16, f"decoded as {utf16}")
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _guess(data)


def read_text(stream: BinaryIO) -> Decoded:
    """The whole of a binary stream as text; see ``decode``."""
    return decode(stream.read())


def clean(text: str | None) -> str | None:
    """One line of text in NFC without control characters; None where nothing is left."""
    if text is None:
        return None
    if text.isascii() and text.isprintable():
        # Nothing to compose or to take out: most of what is read, in a tenth of the time.
        plain = " ".join(text.split()) if "  " in text else text.strip()
        return plain or None
    plain = _CONTROL.sub("", unicodedata.normalize("NFC", text))
    plain = _SPACE.sub(" ", plain).strip()
    return plain or None


def clean_markup(text: str | None) -> str | None:
    """Like ``clean``, with tags removed and character references resolved.

    Abstracts come with ``<p>`` and ``&amp;``. A "<" that opens no tag ("p < 0.05") stays.
    """
    if text is None:
        return None
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    return clean(text)


def fold(text: str | None) -> str:
    """Text for comparing and finding: Latin letters, lower case, accents and scripts folded."""
    if not text:
        return ""
    latin = text if text.isascii() else anyascii(text)
    return clean(latin.lower()) or ""


def title_key(title: str | None) -> str:
    """Letters and digits of a title, folded: equal keys mean the same title as a reader sees it."""
    return re.sub(r"[^a-z0-9]", "", fold(title))


def year_in(text: str | None) -> int | None:
    """The first number from 1000 to 2199 that stands alone in a text; None without one."""
    found = _YEAR.search(text) if text else None
    return int(found.group(1)) if found else None


def excerpt(text: str, limit: int = 120) -> str:
    """The first characters of a text on one line, for a message."""
    line = clean(text[: 4 * limit]) or ""
    return line if len(line) <= limit else line[: limit - 1] + "…"
