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
