"""winnow init, serve, worker, doctor."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from api import __version__, resources
from api.commands.links import RUNNING, login_url
from api.commands.output import Json, Output, Refused, command, opened, settings
from api.services.encoding import encoder_of
from api.services.ranking import Ranker
from api.services.setup import load_sample, open_store
from api.settings import Settings
from api.supervise import Supervisor
from api.worker import Worker, until_signalled
from store import audit, migrate, people
from store.people import PersonInfo
from store.session import Store


def init(
    name: Annotated[
        str | None, typer.Option(help="Name of the first person; default your user name.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the store, the data folder and the first person; upgrade an older store."""
    with command(as_json) as output:
        chosen = settings()
        ready = open_store(chosen, create=True, first_person=name)
        with ready.store.read() as session:
            everyone = [person.name for person in people.everyone(session)]
        ready.store.close()
        data = {
            "data_dir": str(chosen.data_dir),
            "database": _without_password(chosen.store_url),
            "created": ready.created,
            "first_person": ready.first_person.name if ready.first_person else None,
            "people": everyone,
        }

        def show(screen: Console) -> None:
            screen.print(f"Data folder: {chosen.data_dir}", markup=False)
            screen.print("Store made." if ready.created else "The store was there and is ready.")
            screen.print(f"People: {', '.join(everyone)}", markup=False)
            screen.print("Next: winnow serve, or winnow import FILE")

        output.result(data, show)


def _without_password(url: str) -> str:
    from sqlalchemy import make_url

    return make_url(url).render_as_string(hide_password=True)


def _listening(chosen: Settings) -> socket.socket:
    """The socket to serve on, bound already: a busy port is told before anything starts."""
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
    sample: Annotated[bool, typer.Option(help="Load the sample review first.")] = False,
    rank_first: Annotated[
        bool, typer.Option("--rank", help="With --sample: rank it before serving.")
    ] = False,
    worker: Annotated[
        bool, typer.Option("--worker/--no-worker", help="Run a worker beside the server.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Serve pages and API, with a worker beside; prints one line when ready."""
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
            first = people.everyone(session)[0]
        if sample:
            _sample_first(output, chosen, store, first, rank=rank_first)
        # A new owner has no other way in; at later starts `winnow user link` makes a link.
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
        try:
            server.run(sockets=[sock])
        finally:
            if supervisor:
                supervisor.stop()
            running.unlink(missing_ok=True)
            store.close()


def _sample_first(
    output: Output, chosen: Settings, store: Store, person: PersonInfo, *, rank: bool
) -> None:
    """Load the sample review and, if wanted, rank it, so that the first look shows an order."""
    review, made = load_sample(store, person.id)
    output.say(
        "The sample review was loaded." if made else "The sample review is there; decisions kept."
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
    """This process's environment, with what the command line changed."""
    return {**os.environ, "WINNOW_DATA_DIR": str(chosen.data_dir)}


def _ready(output: Output, chosen: Settings, link: str | None) -> None:
    if output.as_json:
        line = {"ready": True, "url": chosen.base_url, "login": link}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        return
    minutes = chosen.login_link_minutes
    sys.stdout.write(f"Winnow is ready at {chosen.base_url} (stop it with Ctrl-C)\n")
    sys.stdout.flush()
    if link:
        output.say(f"Sign in within {minutes} minutes by opening this link, once:\n  {link}")
        output.say("Then open a review and press Screen. A new link: winnow user link")
    else:
        output.say("Sign in with your password, or make a link: winnow user link")


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
    """Rank what is due and run the jobs; `winnow serve` starts one by itself."""
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
            until_signalled(worker, supervised=supervised)
            if not supervised:
                output.say("The worker has stopped.")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that doctor looked at."""

    name: str
    ok: bool
    found: str
    remedy: str | None = None


def _checked(name: str, look: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, True, look())
    except Exception as error:  # noqa: BLE001 - doctor reports whatever is wrong
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
        broken = audit.first_broken(session)
        if broken is not None:
            raise ValueError(f"the audit trail is broken at event {broken}")
        number = len(people.everyone(session))
        return f"{store.dialect} at {migrate.current(store.engine)}, {number} people, audit intact"


def doctor(as_json: Json = False) -> None:
    """Check the installation: versions, data folder, database, encoder, pipelines."""
    with command(as_json) as output:
        chosen = settings()
        encoder = encoder_of(chosen.encoder)
        checks = [
            Check("winnow", True, f"{__version__} on Python {platform.python_version()}"),
            _checked("libraries", _versions, "Install Winnow again."),
            _checked(
                "data folder",
                lambda: _writable(chosen.data_dir),
                "Choose another folder with WINNOW_DATA_DIR.",
            ),
            _checked(
                "database", lambda: _database(chosen), "Run `winnow init`; see docs/operating.md."
            ),
            _checked("encoder", lambda: encoder.identity, "Install Winnow again."),
            _checked(
                "pipeline",
                lambda: resources.pipeline(chosen.pipeline).name,
                f"Set WINNOW_PIPELINE to one of {', '.join(resources.pipelines())}.",
            ),
        ]
        data = {
            "ok": all(check.ok for check in checks),
            "checks": [
                {"name": c.name, "ok": c.ok, "found": c.found, "remedy": c.remedy} for c in checks
            ],
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
