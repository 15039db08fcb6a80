"""Where an oracle is wrong, by its file: the field, and why. Everything else counts.

The oracles are what Zotero's, JabRef's and CoLRev's own parsers give in their own tests. What a
parser gives by default, by accident or on a file that is broken on purpose is no statement of the
file. An exception leaves the field of these files out of the comparison for every reader.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Wrong(NamedTuple):
    """An oracle's value that is no value of the file's.

    Attributes:
        file: the source file, from the folder with the imports.
        fields: the fields whose value is wrong, "" for all of the file.
        reason: what the file has.
    """

    file: str
    fields: tuple[str, ...]
    reason: str


_NO_PMID: Final = (
    '"P123456" is a placeholder and no PubMed id; the id that a reader keeps is a number'
)
_ABBREVIATED: Final = (
    "the file has the journal's full name (JF) and its abbreviation (JO); JabRef keeps the one "
    "that comes last"
)
_DEFAULT: Final = (
    'the file states no type; "journalArticle" and "article" are the parsers\' default'
)
_DEGREES: Final = (
    "JabRef takes degrees for people or given names: "
    '"PhD" and "FAAN" are two of its three authors, "Jan M. D." is Jan, a doctor'
)

EXCEPTIONS: Final = (
    Wrong("zotero-BibTeX/case12.bib", ("pmid",), _NO_PMID),
    Wrong("zotero-BibTeX/case13.bib", ("pmid",), _NO_PMID),
    Wrong(
        "zotero-BibTeX/case19.bib",
        ("authors",),
        r'the macros hold "Swe{\\i}g" and "D\\'
        + "'ecoret"
        + r'": TeX breaks the line at "\\", and '
        r'Zotero keeps it as text ("Swe\ıg", "D\écoret")',
    ),
    Wrong(
        "zotero-OVIDTagged/case02.txt",
        ("venue", "type"),
        '"Journal of Political Studies 12, Winter 2007" is volume 12, which Zotero leaves in the '
        "name; " + _DEFAULT,
    ),
    Wrong(
        "zotero-OVIDTagged/case03.txt",
        ("type",),
        'the types are "DEPARTMENTS" and "Extraordinary Case Report"; "journalArticle" is the '
        "parser's default",
    ),
    Wrong(
        "zotero-OVIDTagged/case05.txt",
        ("authors", "venue", "pages"),
        'the first author is "Shedko, MB", of whom Zotero loses the initials; 1-234 is the book '
        'and "Chapter pagination: 214-218" the chapter; Zotero leaves the translated title, the '
        "publisher and the place in the book's title",
    ),
    Wrong("zotero-OVIDTagged/case09.txt", ("type",), _DEFAULT),
    Wrong(
        "zotero-OVIDTagged/case10.txt",
        ("type",),
        'the types are "Text/Reference" and "Drug Reference"; "book" is Zotero\'s nearest',
    ),
    Wrong(
        "zotero-WebOfScienceTagged/case04.ciw",
        ("type",),
        'the document type is "Review"; Zotero makes a chapter of all that is in a book series',
    ),
    Wrong(
        "zotero-WebOfScienceTagged/case06.ciw",
        ("pages",),
        'the first page of entry 3 is "BRD", which is no page',
    ),
    Wrong("colrev-loader/enl_data.enl", ("type",), _DEFAULT),
    Wrong("colrev-loader/pubmed-chatbot.csv", ("type",), _DEFAULT),
    Wrong(
        "jabref/EndnoteXmlImporterTestReport.xml",
        ("pages",),
        'the pages are "Available: http://…": an address, which is no page',
    ),
    Wrong(
        "jabref/MedlinePlainImporterTestCompleteEntry.txt",
        ("keywords",),
        'JabRef makes two keywords, each without "Women", of "Women, Working/*history/psychology"',
    ),
    Wrong(
        "jabref/MedlinePlainImporterTestInproceeding.txt",
        ("type",),
        'the type is "Editorial"; JabRef makes a paper of a conference of it because of the title '
        "of its book",
    ),
    Wrong(
        "jabref/MedlinePlainImporterTestMultiAbstract.txt",
        ("authors", "type"),
        '"Some test data" is no name; a clinical conference is a meeting of doctors, no paper',
    ),
    Wrong(
        "jabref/NbibImporterTest.nbib",
        ("authors", "abstract"),
        "the file has an author that is an organisation (CN), which JabRef keeps apart; the "
        "copyright is a part of the abstract's line (AB)",
    ),
    Wrong("jabref/OvidImporterTest5.txt", ("authors",), _DEGREES),
    Wrong("jabref/OvidImporterTest6.txt", ("authors",), _DEGREES),
    Wrong(
        "jabref/RisImporterTest1.ris",
        (),
        "broken on purpose: eleven TY lines before one ER. JabRef melts them into one entry",
    ),
    Wrong(
        "jabref/RisImporterTest7.ris",
        ("authors",),
        "A2 are a book's editors, whom JabRef adds to its authors",
    ),
    Wrong("jabref/RisImporterTest8_date.ris", ("venue",), _ABBREVIATED),
    Wrong("jabref/RisImporterTestDate1.1.ris", ("venue",), _ABBREVIATED),
    Wrong("jabref/RisImporterTestDate1.2.ris", ("venue",), _ABBREVIATED),
    Wrong("jabref/RisImporterTestWithEmptyER.ris", ("venue",), _ABBREVIATED),
)
