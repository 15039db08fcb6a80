"""Decode, clean and fold text; characters that a database would reject are removed."""

from __future__ import annotations

import codecs
import html
import re
import threading
import unicodedata
from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import BinaryIO

from anyascii import anyascii
from charset_normalizer import from_bytes

from harvest.errors import UnreadableFile

# A file with a greater share of control characters than this is not text in any encoding.
_BINARY_SHARE = 0.05
_SAMPLE = 200_000
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
# charset-normalizer needs at least this many bytes from 0x80 up.
_ENOUGH = 40
# Code pages that reference managers really use; rarer ones only mislead the statistics.
_CODE_PAGES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "koi8_r"),
    *("shift_jis", "euc_jp", "cp949", "big5", "gb18030", "mac_roman"),
)
_PAIRS = frozenset({"gb18030", "cp949", "euc_jp", "shift_jis", "big5"})
_LATIN = frozenset({"cp1252", "latin-1", "cp1250", "cp1254", "mac_roman"})
# Below this share, what looks like UTF-8 in a code page of another script is there by chance.
_BY_CHANCE = 0.1
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
# For str.translate: what is neither a small letter nor a digit is left out.
_BETWEEN = {code: None for code in range(128) if chr(code) not in f"{ascii_lowercase}{digits}"}
_ROW = 500
_PIECE = re.compile(rf"[\x00-\x7f]+[^\x00-\x7f]{{0,{_ROW}}}|[^\x00-\x7f]{{1,{_ROW}}}")
# Characters that are no text to PostgreSQL, or that UTF-8 cannot encode.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
# Anything after a tag's name must be attributes, with "=": "<a and b>" is text.
_TAG = re.compile(
    r"</?(?:[a-zA-Z][a-zA-Z0-9]*:)?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>=]{0,40}=[^<>]{0,400})?\s{0,9}/?>"
)
# A part of an abstract in PubMed's XML, which The Lens puts into its exports as text.
_LABELLED = re.compile(r"<AbstractText\s[^<>]{0,200}?Label=\"([^\"<>]{1,100})\"[^<>]{0,200}>")
_YEAR = re.compile(r"(?<!\d)(1[0-9]{3}|2[01][0-9]{2})(?!\d)")
_DECLARED = re.compile(
    rb"^[^\S\n]*[%@].{0,40}?encoding\s*:\s*([A-Za-z0-9_-]+)", re.IGNORECASE | re.M
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, its lines ending in line feeds, and how it was decoded."""

    text: str
    encoding: str
    note: str | None = None


def _sniff_utf16(data: bytes) -> str | None:
    """Recognise UTF-16 without a byte order mark by its zero bytes at every other place."""
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


def _by_lines(data: bytes) -> Decoded | None:
    """Decode data in which UTF-8 and another encoding are mixed; None if there is no UTF-8 in it.

    Files are joined from exports in different encodings, and a byte may be broken. So each line is
    decoded by itself: as UTF-8 if it is valid, else in the encoding that fits all other lines, but
    with what is valid UTF-8 in it.
    """
    lines = [(line, _is_utf8(line)) for line in data.split(b"\n")]
    odd = b"\n".join(line for line, valid in lines if not valid)
    codec = _east_asian(odd) or _by_statistics(odd) or "cp1252"
    share = _utf8_share(data)
    # A pair of bytes can look like UTF-8 by chance, but hardly a whole line, and in a Latin code
    # page no pair does that anybody writes.
    certain = any(valid and _high(line) >= 6 for line, valid in lines)
    likely = share > 0 if codec in _LATIN else codec not in _PAIRS and share >= _BY_CHANCE
    if not certain and not likely:
        return None
    text, guessed, patched, lost = [], 0, 0, 0
    for line, valid in lines:
        if valid:
            text.append(line.decode("utf-8"))
            continue
        here = _utf8_share(line)
        if here == 0 if codec in _LATIN else here < 0.5:
            text.append(_in_codec(line, codec))
            guessed += 1
            continue
        piece, bad, unknown = _patched(line, codec)
        text.append(piece)
        patched, lost = patched + bad, lost + unknown
    parts = [f"{guessed} line(s)"] * bool(guessed) + [f"{patched} byte(s)"] * bool(patched)
    note = f"{' and '.join(parts)} that are not UTF-8 were decoded as {codec} by guess"
    if lost:
        note += f"; {lost} of the bytes show as \ufffd"
    return Decoded("\n".join(text), "utf-8", note)


def _high(data: bytes) -> int:
    """Number of bytes from 0x80 up."""
    return sum(map(len, _HIGH_RUN.findall(data)))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _utf8_share(data: bytes) -> float:
    """Characters of UTF-8 in data, as a share of these and of the bytes that are none; 0 to 1."""
    text = data.decode("utf-8", errors="surrogateescape")
    broken = sum("\udc80" <= character <= "\udcff" for character in text)
    good = sum(character > "\x7f" for character in text) - broken
    return good / (good + broken) if good else 0.0


def _in_codec(line: bytes, codec: str) -> str:
    try:
        return line.decode(codec)
    except UnicodeDecodeError:
        return line.decode("latin-1" if codec in _LATIN else codec, errors="replace")


def _patched(line: bytes, codec: str) -> tuple[str, int, int]:
    """A line of UTF-8 with its broken bytes decoded one by one.

    A byte by itself is a character of the other encoding; several in a row are the rest of a
    character that was cut.

    Returns:
        The text, how many bytes are not UTF-8, and how many of these stay unknown.
    """
    bad = lost = 0

    def replace(error: UnicodeError) -> tuple[str, int]:
        nonlocal bad, lost
        assert isinstance(error, UnicodeDecodeError)
        broken = line[error.start : error.end]
        piece = broken.decode(codec, errors="replace") if len(broken) == 1 else "\ufffd"
        bad += len(broken)
        lost += len(broken) if piece == "\ufffd" else 0
        return piece, error.end

    # Each thread has a name of its own for what it does with broken bytes.
    name = f"winnow-{threading.get_ident()}"
    codecs.register_error(name, replace)
    return line.decode("utf-8", errors=name), bad, lost


def _east_asian(data: bytes) -> str | None:
    """Tell GB 18030, EUC-KR and EUC-JP apart by their lead bytes; None for anything else.

    In all three, high bytes come in pairs. Hangul uses the lead bytes B0 to C8, Chinese characters
    go up to F7, and kana have their own lead bytes A4 and A5.
    """
    runs = _HIGH_RUN.findall(data[:_SAMPLE])
    if sum(map(len, runs)) < 8 or any(len(run) % 2 or min(run) < 0xA1 for run in runs):
        return None
    leads = [lead for run in runs for lead in run[0::2]]
    if sum(lead in (0xA4, 0xA5) for lead in leads) > 0.3 * len(leads):
        return "euc_jp"
    return "gb18030" if sum(0xC9 <= lead <= 0xF7 for lead in leads) > 0.1 * len(leads) else "cp949"


def _by_statistics(data: bytes) -> str | None:
    """charset-normalizer's guess; None if there are too few high bytes for one."""
    if _high(data[:_SAMPLE]) < _ENOUGH:
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
    mixed = _by_lines(data)
    if mixed:
        return mixed
    for name in (_east_asian(data), _by_statistics(data), "cp1252", "latin-1"):
        if name is None:
            continue
        try:
            return Decoded(data.decode(name), name, f"not UTF-8; decoded as {name} by guess")
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes every byte")


def decode(data: bytes) -> Decoded:
    """Decode a text file and detect its encoding.

    Tried in this order: byte order mark, UTF-16 by its zero bytes, strict UTF-8, a declared
    encoding, UTF-8 mixed with another encoding, then charset-normalizer's guess.

    Raises:
        UnreadableFile: the content is not text.
    """
    decoded = _decode(data)
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    sample = text[:_SAMPLE]
    if sample and len(_CONTROL.findall(sample)) > max(2, _BINARY_SHARE * len(sample)):
        raise UnreadableFile(
            "The file contains binary data, not text.",
            remedy="Export it as RIS, PubMed (NBIB), BibTeX, EndNote XML, CSV or XLSX.",
        )
    return Decoded(storable(text), decoded.encoding, decoded.note)


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
    """Decode a whole binary stream; see ``decode``."""
    return decode(stream.read())


def storable(text: str) -> str:
    """A text without the characters that a database would reject; spaces and line ends stay."""
    if "\0" not in text:
        try:
            # To encode a text is quicker than to search it.
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return _UNSTORABLE.sub("", text)


def clean(text: str | None) -> str | None:
    """One line of text in NFC without control characters; None if nothing is left."""
    if text is None:
        return None
    if text.isascii() and text.isprintable():
        # Most text needs no normalising, and this takes a tenth of the time.
        plain = " ".join(text.split()) if "  " in text else text.strip()
        return plain or None
    # What can be printed has no control characters, and to look is quicker.
    plain = text if text.isprintable() else _CONTROL.sub("", text)
    return " ".join(_composed(plain).split()) or None


def _composed(text: str) -> str:
    """A text in NFC. Marks in a row are sorted, so a very long row is composed in pieces."""
    if text.isascii():
        return text
    if len(text) <= _ROW:
        return unicodedata.normalize("NFC", text)
    # Nothing in ASCII is composed with what stands before it.
    return "".join(unicodedata.normalize("NFC", piece) for piece in _PIECE.findall(text))


def clean_markup(text: str | None) -> str | None:
    """Like ``clean``, with tags removed and character references resolved.

    Abstracts can contain ``<p>`` and ``&amp;``. A "<" that opens no tag ("p < 0.05") stays.
    """
    if text is None:
        return None
    if "<" in text:
        text = _TAG.sub(" ", _LABELLED.sub(r" \1: ", text))
    if "&" in text:
        text = html.unescape(text)
    return clean(text)


def fold(text: str | None) -> str:
    """Text for comparing and searching: in lower-case Latin letters, without accents."""
    if not text:
        return ""
    return clean(_to_latin(text).lower()) or ""


def _to_latin(text: str) -> str:
    """Text in Latin letters without accents."""
    if text.isascii():
        return text
    return _NOT_ASCII.sub(lambda match: match[0].translate(_LATIN_LETTERS), text)


class _LatinLetters(dict[int, str]):
    """For str.translate: each character's Latin letters, looked up when it is first met."""

    def __missing__(self, code: int) -> str:
        letters = self[code] = anyascii(chr(code))
        return letters


_LATIN_LETTERS = _LatinLetters()


def squeeze(text: str | None) -> str:
    """The letters and digits of a folded text, without what is between them."""
    return _to_latin(text).lower().translate(_BETWEEN) if text else ""


def title_key(title: str | None) -> str:
    """Folded letters and digits of a title; to a reader, titles with the same key are the same."""
    return squeeze(title)


def find_year(text: str | None) -> int | None:
    """The first four-digit number from 1000 to 2199 in a text, or None."""
    match = _YEAR.search(text) if text else None
    return int(match.group(1)) if match else None


def excerpt(text: str, limit: int = 120) -> str:
    """The start of a text on one line, for a message."""
    line = clean(text[: 4 * limit]) or ""
    return line if len(line) <= limit else line[: limit - 1] + "…"
