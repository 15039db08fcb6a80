"""winnow doctor: whether an installation works."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from rich.console import Console

from api import __version__, resources
from api.commands.output import (
    NO_CONTACT,
    Json,
    command,
    opened,
    settings,
)
from api.services.living import setting_faults
from api.services.ranking import order_state
from api.services.ranking.encoding import get_vectors_folder, make_encoder
from api.services.reviews import protocols, work_faults
from api.services.searching import sources
from api.services.searching.indexing import describe_search_index
from api.settings import Settings
from api.wording import count_noun
from store.core import audit, migrate
from store.reviews import people
from store.rules.person_names import list_look_alikes

_SETTINGS_REMEDY = "A lead of the review sets it again on its page, or by command or API."

_PROTOCOL_REMEDY = "A lead of the review opens its protocol, checks it and saves it again."

_WORK_REMEDY = (
    "The worker's log has each error in full, the first time it happens. The worker tries again "
    "every few minutes; other reviews are not affected."
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that doctor checked.

    Attributes:
        found: what was found, or what is wrong.
    """

    name: str
    ok: bool
    found: str
    remedy: str | None = None


def _checked(name: str, look: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, True, look())
    except Exception as error:  # noqa: BLE001 - doctor reports anything that is wrong
        return Check(name, False, str(error) or type(error).__name__, remedy)


def _versions() -> str:
    names = ("scikit-learn", "sentence-transformers", "torch", "sqlalchemy", "fastapi")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def _writable(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".probe"
    probe.write_bytes(b"")
    probe.unlink()
    free = shutil.disk_usage(folder).free / 1e9
    if free < 1:
        raise OSError(f"{folder}: only {free:.1f} GB free")
    return f"{folder}, {free:.0f} GB free"


def _database(chosen: Settings) -> str:
    with opened(chosen) as store, store.read() as session:
        broken = audit.find_first_broken_event(session)
        if broken is not None:
            raise ValueError(f"the audit trail is broken at event {broken}")
        number = len(people.list_people(session))
        migration = migrate.get_current_migration(store.engine)
        return (
            f"{store.dialect} at {migration}, {count_noun(number, 'person', 'people')}, "
            "audit intact"
        )


def _database_checks(chosen: Settings) -> list[Check]:
    """The database, and what is stored in it; the latter only if it can be opened."""
    database = _checked(
        "database", lambda: _database(chosen), "Run `winnow init`; see docs/operating.md."
    )
    if not database.ok:
        return [database]
    return [
        database,
        _checked("search index", lambda: _search_index(chosen), ""),
        _checked("names of people", lambda: _names(chosen), "Run `winnow init`."),
        _checked("settings of reviews", lambda: _review_settings(chosen), _SETTINGS_REMEDY),
        _checked("protocols of reviews", lambda: _protocols(chosen), _PROTOCOL_REMEDY),
        _checked("work of the worker", lambda: _work(chosen), _WORK_REMEDY),
    ]


def _search_index(chosen: Settings) -> str:
    with opened(chosen) as store:
        return describe_search_index(store)


def _names(chosen: Settings) -> str:
    with opened(chosen) as store, store.read() as session:
        known = people.list_people(session)
        renamed = people.list_renamed_people(session)
    notes = [
        f"{person.name} was called {person.former_name} until an upgrade, and signs in with the "
        "new name"
        for person in renamed
    ]
    notes += [
        f"{one!r} and {other!r} look alike and are two people"
        for one, other in list_look_alikes(person.name for person in known)
    ]
    # Nothing is broken: the people concerned must know.
    return "; ".join(notes) or "no two can be mistaken for each other"


def _review_settings(chosen: Settings) -> str:
    with opened(chosen) as store, store.read() as session:
        faults = setting_faults.list_faults_of_all(session)
    if faults:
        raise ValueError("\n".join(faults))
    return "all can be read"


def _protocols(chosen: Settings) -> str:
    with opened(chosen) as store, store.read() as session:
        faults = protocols.list_faults_of_all(session)
    if faults:
        raise ValueError("\n".join(faults))
    return "all can be read"


def _work(chosen: Settings) -> str:
    with opened(chosen) as store, store.read() as session:
        failures = work_faults.list_failures_of_all(session)
    if failures:
        raise ValueError("\n".join(failures))
    return "nothing keeps failing"


def _keys(chosen: Settings) -> Iterator[Check]:
    """The API keys without which a source cannot be searched in full."""
    for name, config in chosen.sources.items():
        if config.largest_without_key:
            advice = sources.explain_missing_key(chosen, name)
            yield Check(f"{config.title} key", True, advice or "set")


def doctor(as_json: Json = False) -> None:
    """Check the installation: versions, data folder, database, encoder, pipelines."""
    with command(as_json) as output:
        chosen = settings()
        encoder = make_encoder(chosen.encoder)
        checks = [
            Check("winnow", True, f"{__version__} on Python {platform.python_version()}"),
            _checked("libraries", _versions, "Install Winnow again."),
            _checked(
                "data folder",
                lambda: _writable(chosen.data_dir),
                "Choose another folder with WINNOW_DATA_DIR.",
            ),
            *_database_checks(chosen),
            _checked("encoder", lambda: encoder.identity, "Install Winnow again."),
            Check("vectors", True, order_state.explain_damage(get_vectors_folder(chosen))),
            Check("contact address", True, chosen.harvest.contact or NO_CONTACT),
            *_keys(chosen),
            _checked(
                "pipeline",
                lambda: resources.pipeline(chosen.pipeline).name,
                f"Set WINNOW_PIPELINE to one of {', '.join(resources.pipelines())}.",
            ),
        ]
        data = {
            "ok": all(check.ok for check in checks),
            "checks": [asdict(check) for check in checks],
        }

        def show(screen: Console) -> None:
            for check in checks:
                mark = "ok  " if check.ok else "FAIL"
                screen.print(f"{mark} {check.name}: {check.found}", markup=False)
                if check.remedy:
                    screen.print(f"     {check.remedy}", markup=False)

        output.result(data, show)
        if not data["ok"]:
            raise typer.Exit(1)
