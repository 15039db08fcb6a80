"""How Winnow's exports write decisions. The writers and the readers share these names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Columns of CSV and keys of JSON Lines.
DECISION: Final = "decision"
DECIDED_BY: Final = "decided_by"
DECIDED_AT: Final = "decided_at"
STAGE: Final = "stage"
NOTE: Final = "note"
# In CSV several reasons are joined with "; "; in JSON Lines they are a list.
REASONS: Final = "reasons"
FIELDS: Final = (DECISION, DECIDED_BY, DECIDED_AT, STAGE, NOTE, REASONS)

# The value of the decision of a record that nobody has decided.
UNDECIDED: Final = "undecided"
# Values of the stage; without one it is title and abstract.
TITLE_ABSTRACT: Final = "title-abstract"
FULL_TEXT: Final = "full-text"
# Before the names of columns and keys of the full-text decision, where a line has both stages.
FULL_TEXT_PREFIX: Final = "full_text_"

# Beginnings of notes (N1) in RIS. A line "Winnow decision:" begins a decision; the lines after it,
# up to the next such line, belong to it. Times are ISO 8601.
RIS_NOTES: Final[Mapping[str, str]] = {
    DECISION: "Winnow decision:",
    DECIDED_BY: "Winnow decided by:",
    DECIDED_AT: "Winnow decided at:",
    STAGE: "Winnow stage:",
    NOTE: "Winnow note:",
    REASONS: "Winnow reason:",
}
# Before the names of fields in BibTeX: "winnow_decision = {include}".
BIBTEX_PREFIX: Final = "winnow_"
