from __future__ import annotations

from harvest.record import Author
from tests.harvest.reading import read


def test_latex_becomes_unicode_and_percent_signs_stay() -> None:
    text = r"""@article{a, title = {{Joint} working in M{\"u}nchen \& K\"oln},
    author = {Smith, Tom and M{\"u}ller, Eva and others}, year = 2012, doi = {10.1000/b1},
    abstract = {About 50 % of families and 20\% of teams.}}"""
    (record,) = read(text).records
    assert record.title == "Joint working in München & Köln"
    assert record.authors == (Author("Smith, Tom"), Author("Müller, Eva"))
    assert record.abstract == "About 50 % of families and 20% of teams."
    assert (record.year, record.doi) == (2012, "10.1000/b1")


def test_entries_with_the_same_key_are_both_kept() -> None:
    content = read("@article{a, title={One}}\n@article{a, title={Two}}\n")
    assert [record.title for record in content.records] == ["One", "Two"]
    assert "key-used-twice" in content.records[1].flags


def test_a_broken_entry_is_rejected_with_its_line_and_the_next_is_read() -> None:
    content = read(
        "@article{a,\n title={One}}\n\n@article{b, title {x}\n\n@article{c, title={Three}}\n"
    )
    assert [record.title for record in content.records] == ["One", "Three"]
    (rejected,) = content.rejected
    assert (rejected.position, rejected.line) == (2, 4)
    assert "could not be parsed" in rejected.reason


def test_comments_and_strings_are_no_entries() -> None:
    content = read('@comment{x}\n@string{j = "Journal"}\n@article{a, title={One}, journal=j}\n')
    assert content.entries_read == 1
    assert content.records[0].venue == "Journal"


def test_an_entry_without_a_key_and_an_at_sign_in_a_text_cost_nothing() -> None:
    content = read(
        "@article{title = {One}, year = 2001}\n"
        "@article{k, title = {Two}, abstract = {We ran\n@RISK (Palisade, 2020) and wrote\n"
        "@home to a@b.org}, year = 2002}\n@article{, title = {Three}}\n@misc{empty}\n"
    )
    assert [record.title for record in content.records] == ["One", "Two", "Three"]
    assert content.records[1].abstract == "We ran @RISK (Palisade, 2020) and wrote @home to a@b.org"
    assert [entry.position for entry in content.rejected] == [4]


def test_values_are_joined_from_macros_months_and_strings() -> None:
    (record,) = read(
        '@string{j = "Journal"}\n@string{long = j # " of Things"}\n'
        '@article{k, title = "A" # { and } # "B", journal = long # ", Series B", month = jun, '
        "year = 2001}\n"
    ).records
    assert (record.title, record.venue, record.date) == (
        *("A and B", "Journal of Things, Series B", "2001 Jun"),
    )


def test_a_missing_comma_leaves_the_next_field_a_field() -> None:
    text = """@article{a, title = {One {in} two}
      file = {C:/x = y.pdf}, note = {{PMID:} 23439512}, year = 2011
      volume = 3 journal = "A, b" # { = c}}"""
    (record,) = read(text).records
    assert (record.title, record.extra["file"], record.pmid) == (
        *("One in two", "C:/x = y.pdf", "23439512"),
    )
    assert (record.year, record.volume, record.venue) == (2011, "3", "A, b = c")


def test_a_suffix_ends_the_name_and_the_full_name_of_a_journal_is_its_venue() -> None:
    text = """@article{a, title = {One}, author = {von Ross, III, Tom and Reed, Eva},
      journal = {Adv. Boots}, fjournal = {Advances in Boots}, note = {cf. PMID: 23439512}}"""
    (record,) = read(text).records
    assert [author.name for author in record.authors] == ["von Ross, Tom, III", "Reed, Eva"]
    assert (record.venue, record.pmid) == ("Advances in Boots", None)


def test_a_title_after_the_given_name_stays_there_and_a_doi_loses_its_backslash() -> None:
    text = r"""@misc{a, title = {One}, author = {Ross, Arie, MD and Ross, Arie, MD},
      doi = {10.1000/a\_1}, howpublished = {https://example.org/one}}"""
    (record,) = read(text).records
    assert [author.name for author in record.authors] == ["Ross, Arie, MD", "Ross, Arie, MD"]
    assert (record.doi, record.venue, record.urls) == (
        *("10.1000/a_1", None, ("https://example.org/one",)),
    )
