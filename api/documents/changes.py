"""The latest changes of a review, as sentences."""

from __future__ import annotations

from typing import Any

from api.wording import count_noun
from store.core.audit import AuditEntry
from store.rules.roles import ROLE_NAMES

# What somebody did, by the action in the audit trail. Names in braces are keys of its detail. A
# sentence says no more than every role in the review may know.
SENTENCES = {
    "assignment.ended": "ended an assignment",
    "assignment.made": "assigned records",
    "bulk.done": "did a bulk action",
    "bulk.undone": "took back a bulk action",
    "event.excluded": "excluded a report because of a notice",
    "event.kept": "kept a report in spite of a notice",
    "event.mistaken": "marked a notice as a mistake",
    "event.sensitivity": "left a report to a sensitivity analysis",
    "file.imported": "imported {records} from {name}",
    "import.failed": "could not import {name}",
    "import.cancelled": "cancelled the import of {name}",
    "file.withdrawn": "withdrew {name}",
    "gold.added": "added known studies",
    "gold.missed-shown": "looked at the known studies that the search missed",
    "gold.removed": "removed a list of known studies",
    "gold.use": "changed the uses of a list of known studies",
    "invitation.made": "created an invitation link",
    "invitation.used": "joined through an invitation link",
    "invitation.withdrawn": "withdrew an invitation link",
    "limits.changed": "changed what happens to reports outside the years ({out_of_range} left out)",
    "name.numbered": "added a number to somebody’s name in an upgrade (the team page says whose)",
    "night.ended": "finished a scheduled search",
    "pair.different": "said that two records are from different studies",
    "pair.related": "said that two records are two reports of one study",
    "pair.same": "said that two records are the same report",
    "pair.undone": "took back an answer about two records",
    "person.mapped": "matched a name in an imported file with the team",
    "person.removed": "removed a person from the review",
    "person.role": "gave a person a role",
    "person.screens": "changed whether a person screens",
    "pilot.closed": "closed pilot round {round}",
    "pilot.opened": "started pilot round {round}",
    "plan.switched": "switched to one person for each record",
    "pool.admitted": "let in incoming records up to {up_to}",
    "pool.brought": "let in one incoming record",
    "protocol.version": "saved version {version} of the protocol",
    "recheck.asked": "asked for a list of possible misses",
    "report.split": "said that a record is not the same report",
    "reports.deduplicated": "merged duplicates",
    "rescreen.asked": "asked to screen records again",
    "rescreen.withdrawn": "took back a list of records to screen again",
    "review.completed": "completed version {version}",
    "review.created": "set up the review",
    "review.renamed": "renamed the review, from {before}",
    "review.settings": "changed the review's settings",
    "run.ended": "finished run {run}",
    "run.released": "let in the records of run {run}",
    "run.replayed": "read the pages of run {run} again",
    "run.stopped": "stopped run {run}",
    "search.assigned": "moved search {search} to {to}",
    "search.edited": "changed the details of search {search}",
    "search.withdrawn": "withdrew search {search}",
    "strategy.accepted": "accepted a loss or a warning of the strategy",
    "strategy.peer-review": "noted a peer review of the strategy",
    "strategy.version": "saved version {version} of the strategy",
    "study.joined": "added a report to the study {name}",
    "study.left": "removed a report from a study",
}


# Only people do what begins so. Without a name, it was done on the server's command line, which
# changes people and invitations for nobody in particular.
_BY_PEOPLE = ("person.", "invitation.")
# Where a search can be moved to.
_PLACES = {"review": "the review", "pool": "incoming records"}


class _Detail(dict[str, Any]):
    """The detail of an entry; an older store may lack a key that is written today."""

    def __missing__(self, key: str) -> str:
        return f"(no {key})"


def sentence(entry: AuditEntry) -> str:
    """An entry of the audit trail as a sentence: who did what, and the reason if there is one.

    An action that only older versions wrote is shown by its name.
    """
    reason = entry.detail.get("reason")
    text = f"{entry.person or _nobody(entry.action)} {_action(entry).format_map(_words(entry))}"
    return f"{text}: {reason}" if reason else text


def _nobody(action: str) -> str:
    """Who did what no person's name is stored with."""
    return "The server's administrator" if action.startswith(_BY_PEOPLE) else "Winnow"


def _action(entry: AuditEntry) -> str:
    removed = entry.detail.get("person") if entry.action == "person.removed" else None
    if removed is not None and removed == entry.person_id:
        return "left the review"
    if entry.action == "invitation.used" and "role" in entry.detail:
        # Older versions of Winnow did not write the earlier role, or any role at all.
        before = entry.detail.get("before")
        if before is None:
            return "joined through {invitation_of}, with the role “{role}”"
        if before == entry.detail["role"]:
            return "used {invitation_of}; their role stayed “{role}”"
        return "used {invitation_of}; their role is now “{role}”"
    return SENTENCES.get(entry.action, entry.action)


def _words(entry: AuditEntry) -> _Detail:
    """The detail of an entry, in the words of a sentence."""
    detail = _Detail(entry.detail)
    if isinstance(detail.get("records"), int):
        detail["records"] = count_noun(detail["records"], "record")
    if entry.action == "invitation.used":
        by = entry.inviter
        detail["invitation_of"] = f"an invitation link of {by}" if by else "an invitation link"
        detail["role"] = ROLE_NAMES.get(detail["role"], detail["role"])
    if "to" in detail:
        detail["to"] = _PLACES.get(detail["to"], detail["to"])
    return detail
