"""winnow init, serve, worker, doctor."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import platform
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from api import __version__, resources
from api.commands.links import RUNNING, login_url
from api.commands.output import (
    NO_CONTACT,
    Json,
    Output,
    Refused,
    command,
    opened,
    settings,
)
from api.services.living import setting_faults
from api.services.ranking.encoding import make_encoder
from api.services.ranking.ranker import Ranker
from api.services.reviews.opening import open_store
from api.services.reviews.sample import load_sample
from api.services.searching import sources
from api.services.searching.indexing import build_search_index, describe_search_index
from api.settings import Settings
from api.wording import count_noun
from api.worker.supervise import Supervisor
from api.worker.worker import Worker, run_until_signalled
from store.core import audit, migrate
from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo
from store.rules.person_names import list_look_alikes


def init(
    name: Annotated[
        str | None, typer.Option(help="Name of the first person (default: your user name).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create the database, data folder and first person, or upgrade an older database."""
    with command(as_json) as output:
        chosen = settings()
        ready = open_store(chosen, create=True, first_person=name)
        with output.progress("search index") as progress:
            build_search_index(ready.store, progress=progress)
        with ready.store.read() as session:
            names = [person.name for person in people.list_people(session)]
        ready.store.close()
        data = {
            "data_dir": str(chosen.data_dir),
            "database": _without_password(chosen.store_url),
            "created": ready.created,
            "first_person": ready.first_person.name if ready.first_person else None,
            "people": names,
        }

        def show(screen: Console) -> None:
            screen.print(f"Data folder: {chosen.data_dir}", markup=False)
            screen.print(
                "Database created."
                if ready.created
                else "The database exists already and is ready."
            )
            screen.print(f"People: {', '.join(names)}", markup=False)
            if not chosen.harvest.contact:
                screen.print(f"Contact address: {NO_CONTACT}", markup=False)
            screen.print("Next: winnow serve, or winnow review add NAME, then winnow import FILE")

        output.result(data, show)


def _without_password(url: str) -> str:
    from sqlalchemy import make_url

    return make_url(url).render_as_string(hide_password=True)


def _listening(chosen: Settings) -> socket.socket:
    """The socket to serve on, already bound, so that a busy port is refused before any work."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    if os.name != "nt":
        # On Windows this option lets two servers share a port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((chosen.host, chosen.port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise Refused(
            f"Port {chosen.port} on {chosen.host} cannot be used: {error.strerror}.",
            remedy=f"Stop what uses it, or choose another: WINNOW_PORT={chosen.port + 1}.",
        ) from error
    return sock


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    sample: Annotated[bool, typer.Option(help="First load the sample review.")] = False,
    rank_first: Annotated[
        bool, typer.Option("--rank", help="With --sample: rank it before serving.")
    ] = False,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Also run a worker.")] = True,
    as_json: Json = False,
) -> None:
    """Serve the pages and the API, with a worker; prints the address when ready."""
    import uvicorn

    from api.app import create_app

    with command(as_json) as output:
        chosen = settings(host=host, port=port)
        sock = _listening(chosen)
        chosen = chosen.model_copy(update={"port": sock.getsockname()[1]})
        _log(chosen)
        ready = open_store(chosen, create=True)
        store = ready.store
        running = chosen.data_dir / RUNNING
        running.write_text(json.dumps({"url": chosen.base_url}))
        with store.read() as session:
            first = people.list_people(session)[0]
        if sample:
            _sample_first(output, chosen, store, first, rank=rank_first)
        # A new owner has no other way to sign in; later `winnow user link` prints a link.
        link = login_url(store, chosen, first) if ready.first_person or sample else None
        supervisor = Supervisor(_environment(chosen)) if worker else None

        def announce() -> None:
            if supervisor:
                supervisor.start()
            _ready(output, chosen, link)

        config = uvicorn.Config(
            create_app(chosen, store), log_level="warning", server_header=False, lifespan="on"
        )
        server = _announcing(config, announce)
        # The server has ended well when it raises the signal that stopped it once more; the worker
        # is still to be stopped then.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: None)
        try:
            server.run(sockets=[sock])
        finally:
            if supervisor:
                if not output.as_json:
                    output.say("Stopping; the worker is finishing its current step.")
                supervisor.stop()
            running.unlink(missing_ok=True)
            store.close()


def _sample_first(
    output: Output, chosen: Settings, store: Store, person: PersonInfo, *, rank: bool
) -> None:
    """Load the sample review and, if asked, rank it, so that it opens in order."""
    review, created = load_sample(store, person.id)
    output.say(
        "The sample review was loaded."
        if created
        else "The sample review is there already; its decisions are kept."
    )
    ranker = Ranker(store, chosen)
    if rank and review.id in ranker.due():
        with output.progress("encoding texts") as progress:
            ranker.rank(review.id, progress=progress)


def _log(chosen: Settings) -> None:
    logging.basicConfig(level=chosen.log_level, format="%(asctime)s %(name)s %(message)s")
    for chatty in ("alembic", "huey", "matplotlib", "sentence_transformers", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _environment(chosen: Settings) -> dict[str, str]:
    """This process's environment, with the command line's changes."""
    return {**os.environ, "WINNOW_DATA_DIR": str(chosen.data_dir)}


def _ready(output: Output, chosen: Settings, link: str | None) -> None:
    if output.as_json:
        line = {"ready": True, "url": chosen.base_url, "login": link}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        return
    minutes = chosen.login_link_minutes
    # With its path, since a checkout's program is not on the path.
    called = sys.argv[0] if Path(sys.argv[0]).name == "winnow" else "winnow"
    sys.stdout.write(f"Winnow is ready at {chosen.base_url} (stop it with Ctrl-C)\n")
    sys.stdout.flush()
    if link:
        output.say(f"Open this link within {minutes} minutes to sign in; it works once:\n  {link}")
        output.say(f"Then open a review and press Screen. For a new link: {called} user link")
    else:
        output.say(f"Sign in with your password, or print a link: {called} user link")


def _announcing(config: Any, ready: Callable[[], None]) -> Any:
    """A uvicorn server that calls back once it accepts requests (uvicorn is imported late)."""
    import uvicorn

    class AnnouncingServer(uvicorn.Server):
        """Calls back once it accepts requests."""

        def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
            super().__init__(config)
            self._ready = ready

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                self._ready()

    return AnnouncingServer(config, ready)


def run_worker(
    supervised: Annotated[bool, typer.Option(hidden=True)] = False, as_json: Json = False
) -> None:
    """Rank records and run jobs; `winnow serve` starts a worker automatically."""
    with command(as_json) as output:
        chosen = settings()
        _log(chosen)
        with opened(chosen) as store:
            worker = Worker(store, chosen)
            if as_json:
                sys.stdout.write(json.dumps({"ready": True, "pid": os.getpid()}) + "\n")
            elif not supervised:
                sys.stdout.write("The worker is ready (stop it with Ctrl-C)\n")
            sys.stdout.flush()
            run_until_signalled(worker, supervised=supervised)
            if not supervised:
                output.say("The worker has stopped.")


_SETTINGS_REMEDY = "A lead of the review sets it again on its page, or by command or API."


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
