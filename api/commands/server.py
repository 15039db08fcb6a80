"""winnow init, serve, worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
from api.logs import start_logging
from api.services.ranking.ranker import Ranker
from api.services.reviews.opening import open_store
from api.services.reviews.sample import load_sample
from api.services.searching.indexing import build_search_index
from api.settings import PREFIX, Settings
from api.worker.supervise import Program, Supervisor
from api.worker.worker import Worker, run_until_signalled
from store.core.session import Store
from store.reviews import people
from store.reviews.people import PersonInfo

_STOPPING = (signal.SIGINT, signal.SIGTERM)
# Seconds within which a signal is noticed.
_BLINK = 0.2


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


def listen(chosen: Settings) -> socket.socket:
    """The socket to serve on, already bound, so that a busy port is refused before any work.

    Raises:
        Refused: the port cannot be used.
    """
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    # Unless the protocol is named, asyncio leaves Nagle's algorithm on. On a connection that stays
    # open, each answer could then wait about 40 ms for the client to acknowledge its headers.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that answer requests; PostgreSQL only.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Serve the pages and the API, with a worker; prints the address when ready."""
    with command(as_json) as output:
        chosen = settings(host=host, port=port)
        _check_processes(chosen, processes)
        sock = listen(chosen)
        chosen = chosen.model_copy(update={"port": sock.getsockname()[1]})
        start_logging(chosen.log_level)
        ready = open_store(chosen, create=True, busy_seconds=chosen.busy_seconds)
        store = ready.store
        running = chosen.data_dir / RUNNING
        running.write_text(json.dumps({"url": chosen.base_url}))
        with store.read() as session:
            first = people.list_people(session)[0]
        if sample:
            _sample_first(output, chosen, store, first, rank=rank_first)
        # A new owner has no other way to sign in; later `winnow user link` prints a link.
        link = login_url(store, chosen, first) if ready.first_person or sample else None
        supervisor = Supervisor(_worker_program(chosen)) if worker else None

        def announce() -> None:
            if supervisor:
                supervisor.start()
            _ready(output, chosen, link)

        try:
            if processes > 1:
                # The processes have connections of their own.
                store.close()
                _serve_in_processes(chosen, sock, processes, announce)
            else:
                _serve_here(chosen, store, sock, announce)
        finally:
            if supervisor:
                if not output.as_json:
                    output.say("Stopping; the worker is finishing its current step.")
                supervisor.stop()
            running.unlink(missing_ok=True)
            store.close()


def _check_processes(chosen: Settings, processes: int) -> None:
    if processes == 1:
        return
    if chosen.store_url.startswith("sqlite"):
        raise Refused(
            "SQLite lets one process write at a time, so several would be no quicker.",
            remedy="Leave out --processes, or use PostgreSQL (WINNOW_DATABASE_URL).",
        )
    if os.name == "nt":
        raise Refused(
            "Several processes cannot share a port on Windows.", remedy="Leave out --processes."
        )


def _serve_here(
    chosen: Settings, store: Store, sock: socket.socket, announce: Callable[[], None]
) -> None:
    """Answer requests in this process until a signal."""
    from api.web_server import WAITING_CONNECTIONS, AnnouncingServer, configure

    config = configure(chosen, store, accept_at_once=WAITING_CONNECTIONS)
    # Once the server has ended in good order, it raises the signal that stopped it again. That must
    # not end this process: the worker still has to be stopped.
    for number in _STOPPING:
        signal.signal(number, lambda _number, _frame: None)
    AnnouncingServer(config, announce).run(sockets=[sock])


def _serve_in_processes(
    chosen: Settings, sock: socket.socket, number: int, announce: Callable[[], None]
) -> None:
    """Let several processes answer requests until a signal; each that dies is started again.

    Raises:
        Refused: one could not start.
    """
    asked: list[int] = []
    for stopping in _STOPPING:
        signal.signal(stopping, lambda number, _frame: asked.append(number))
    fd = sock.fileno()
    supervisors = [
        Supervisor(
            Program(
                f"web process {each}",
                ("api.web_process", str(fd), str(each), str(number)),
                _environment(chosen),
                sockets=(fd,),
                announces=True,
            )
        )
        for each in range(1, number + 1)
    ]
    for supervisor in supervisors:
        supervisor.start()
    try:
        for supervisor in supervisors:
            while not asked and not supervisor.wait(_BLINK):
                pass
            if not asked and not supervisor.is_ready:
                raise Refused(
                    "A process that answers requests ended before it was ready.",
                    remedy="The lines above say why; with --processes 1 it may be easier to see.",
                )
        if not asked:
            announce()
        while not asked:
            time.sleep(_BLINK)
    finally:
        for supervisor in supervisors:
            supervisor.ask_to_stop()
        for supervisor in supervisors:
            supervisor.stop()


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


def _environment(chosen: Settings) -> dict[str, str]:
    """This process's environment, with the command line's changes."""
    changed = {"data_dir": chosen.data_dir, "host": chosen.host, "port": chosen.port}
    return {**os.environ, **{f"{PREFIX}{name.upper()}": str(changed[name]) for name in changed}}


def _worker_program(chosen: Settings) -> Program:
    return Program("the worker", ("api.cli", "worker", "--supervised"), _environment(chosen))


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


def run_worker(
    supervised: Annotated[bool, typer.Option(hidden=True)] = False, as_json: Json = False
) -> None:
    """Rank records and run jobs; `winnow serve` starts a worker automatically."""
    with command(as_json) as output:
        chosen = settings()
        start_logging(chosen.log_level)
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
