"""Protocols: new versions of a review's, and those in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from api import resources
from api.protocol import ProtocolBody
from api.wording import list_problems
from store.core.errors import Unreadable
from store.core.session import ReadSession, Store, WriteSession
from store.reports import limits, screening_state
from store.reviews import protocol_faults, reviews
from store.reviews.reviews import NewProtocol, ProtocolVersion
from store.rules.limits import limits_from_body
from store.rules.plans import plan_from_body


def get_protocol_body(session: ReadSession, review_id: int) -> ProtocolBody:
    """The newest protocol of a review.

    Raises:
        NotFound: there is no such review.
        Unreadable: the protocol is stored in a wrong shape.
    """
    stored = reviews.get_protocol(session, review_id).body
    try:
        return ProtocolBody.model_validate(stored)
    except ValidationError as error:
        raise protocol_faults.make_error(session, review_id, list_problems(error)) from error


def list_faults_of_all(session: ReadSession) -> list[str]:
    """A sentence for each review whose newest protocol cannot be read, oldest review first."""
    faults = []
    for review_id in reviews.list_review_ids(session):
        try:
            get_protocol_body(session, review_id)
        except Unreadable as error:
            faults.append(str(error))
    return faults


def read_leniently(stored: Mapping[str, Any]) -> ProtocolBody:
    """A stored protocol without the parts that cannot be read, for somebody to save again."""
    try:
        return ProtocolBody.model_validate(stored)
    except ValidationError as error:
        unreadable = {problem["loc"][0] for problem in error.errors() if problem["loc"]}
    kept = {key: value for key, value in stored.items() if key not in unreadable}
    try:
        return ProtocolBody.model_validate(kept)
    except ValidationError:
        return ProtocolBody()


def save_protocol(store: Store, review_id: int, new: NewProtocol) -> ProtocolVersion:
    """Save a version of the protocol, and bring all reports in line with it.

    If the plan has changed, reports are settled by the new one. If the years have changed and are
    in force, reports outside them are left out, and others come back.

    The lists of known relevant records are kept as they are: they change where they are listed.

    Returns:
        The newest version; if the text is the same as before, no version is added.

    Raises:
        NotFound: there is no such review.
        Conflict: somebody else has saved a version since ``new.based_on``.
        ValueError: the criteria change after decisions have been made and no reason is given, or a
            reason for exclusion is reserved, or it says that a switch was made that was not.
    """
    with store.write() as session:
        reviews.lock_review(session, review_id)
        before = reviews.get_readable_protocol(session, review_id).body
        if not _list_switches(new.body) <= _list_switches(before):
            raise ValueError("plans: the switch to one person is made under Agreement and pilots")
        return save_version(session, review_id, new)


def _list_switches(body: Mapping[str, Any]) -> set[str]:
    """The switches from two people to one in a protocol's plans, as text."""
    switches = [(plan.get("calibration") or {}).get("switch") for plan in body.get("plans") or ()]
    return {json.dumps(switch, sort_keys=True) for switch in switches if switch}


def save_version(session: WriteSession, review_id: int, new: NewProtocol) -> ProtocolVersion:
    """Save a version of the protocol in a transaction; see ``save_protocol``."""
    reviews.lock_review(session, review_id)
    before = reviews.get_readable_protocol(session, review_id).body
    body = {**new.body, "known_relevant": before.get("known_relevant", [])}
    reviews.create_protocol(session, review_id, replace(new, body=body))
    if plan_from_body(before) != plan_from_body(body):
        screening_state.update_all_states(session, review_id)
    if limits_from_body(before) != limits_from_body(body):
        limits.refresh_review(session, review_id)
    return reviews.get_protocol(session, review_id)


def read_protocol_file(path: Path) -> tuple[dict[str, Any], ProtocolBody]:
    """Slug, title and banner of a protocol.toml, and its protocol.

    Raises:
        ValueError: the file is not valid; the message names file and field.
    """
    data = resources.toml(path)
    head = {key: data.pop(key, None) for key in ("slug", "title", "banner")}
    try:
        return head, ProtocolBody.model_validate(data)
    except ValidationError as error:
        raise ValueError(f"{path}: {list_problems(error)}") from error
