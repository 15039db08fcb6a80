"""Making a store, its first person, reviews, and the sample review."""

from __future__ import annotations

import csv
import getpass
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from api import resources
from api.protocol import ProtocolBody
from api.settings import Settings
from store import gold, migrate, people, reviews
from store.people import PersonInfo
from store.reviews import ReviewInfo
from store.session import Store, WriteSession

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that is ready, and what had to be made for it."""

    store: Store
    created: bool
    first_person: PersonInfo | None


def open_store(settings: Settings, *, create: bool, first_person: str | None = None) -> Opened:
    """The store of these settings, its tables checked.

    Args:
        settings: where it is.
        create: make data folder, tables and the first person where they are missing.
        first_person: name of the first person; None takes the operating system's user name.

    Raises:
        SchemaOutdated: the tables are missing or of another version, and ``create`` is False.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = Store(settings.store_url)
    before = migrate.current(store.engine)
    if create:
        migrate.upgrade(store.engine)
    migrate.check(store.engine)
    person = None
    if create:
        with store.write() as session:
            if not people.everyone(session):
                person = people.create(session, first_person or _user_name())
    return Opened(store, created=before is None, first_person=person)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        # No user name in the environment and no user database: a bare container, or Windows.
        return "owner"


def protocol_file(path: Path) -> tuple[dict[str, Any], ProtocolBody]:
    """Slug, title and banner of a protocol.toml, and its protocol.

    Raises:
        ValueError: the file is not valid; the message names file and field.
    """
    data = resources.toml(path)
    head = {key: data.pop(key, None) for key in ("slug", "title", "banner")}
    try:
        return head, ProtocolBody.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise ValueError(f"{path}: {problems}") from error


def load_sample(store: Store, person_id: int) -> tuple[ReviewInfo, bool]:
    """The sample review; made where it is missing, else left as it is with its decisions.

    Returns:
        The review, and whether it was made now.
    """
    # Imported here: every command opens the store, few import files.
    from api.services import importing, strategies

    folder = resources.configs() / "reviews" / resources.SAMPLE
    head, body = protocol_file(folder / "protocol.toml")
    with store.write() as session:
        for review in reviews.everything(session):
            if review.slug == head["slug"]:
                return review, False
        review = reviews.create(
            session,
            slug=head["slug"],
            title=head["title"],
            banner=head["banner"],
            protocol=body.stored(),
            person_id=person_id,
        )
        _sample_gold(session, review.id, folder / "known-relevant.csv", person_id)
        strategy = resources.toml(folder / "strategy.toml")
        strategies.save(session, review.id, strategy, reason=None, person_id=person_id)
    sample = folder / "sample.jsonl"
    request = importing.ImportRequest(
        search_fields={
            "source": "Sample of Winnow",
            "platform": "assembled by hand",
            "strategy": body.strategy_note,
            "exported": len(sample.read_text(encoding="utf-8").splitlines()),
            "searcher": "the developers of Winnow",
        }
    )
    with sample.open("rb") as stream:
        importing.import_file(store, review.id, stream, sample.name, request, person_id=person_id)
    return review, True


def _sample_gold(session: WriteSession, review_id: int, path: Path, person_id: int) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        listed = [
            gold.NewGold(
                title=row["title"] or None,
                year=int(row["year"]) if row["year"] else None,
                doi=row["doi"] or None,
                pmid=row["pmid"] or None,
                source_id=row["source_id"] or None,
                search_use=row["search_use"],
                ranking_use=row["ranking_use"],
            )
            for row in csv.DictReader(file)
        ]
    gold.add(session, review_id, listed, list_name=path.name, person_id=person_id)
