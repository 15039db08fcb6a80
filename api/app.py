"""The server: API, pages, static files, security headers, errors."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

from api import __version__, errors, resources
from api.limits import BodyLimit, SignedInFirst, UnreadBody
from api.pages import render
from api.pages.routers import PAGE_ROUTERS
from api.routes.routers import API_ROUTERS
from api.schemas.errors import ErrorOut
from api.security import Guard
from api.services.screening.cards import Queues
from api.settings import Settings
from api.state import State
from api.turns import Turns
from api.worker.jobs import Jobs
from store.core import migrate
from store.core.session import Store

API = "/api/v1"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorOut, "description": "Nobody is signed in."},
    403: {
        "model": ErrorOut,
        "description": "Your role does not allow it, or a browser sent this from another site.",
    },
    404: {"model": ErrorOut, "description": "It does not exist, or not in this review."},
    409: {"model": ErrorOut, "description": "It contradicts what is stored."},
    408: {"model": ErrorOut, "description": "The body stopped coming, or came too slowly."},
    413: {"model": ErrorOut, "description": "The body is over the limit."},
    422: {"model": ErrorOut, "description": "The request is wrong; the message says where."},
    503: {
        "model": ErrorOut,
        "description": "Busy, full or damaged; Retry-After says when to try again.",
    },
}


def create_app(settings: Settings, store: Store) -> FastAPI:
    """The application over an open store.

    Args:
        settings: host allow-list, limits, cookies.
        store: its tables have been checked; the caller closes it.
    """
    state = State(settings, store, Queues(), Jobs(store, settings, done=lambda: None), Turns())
    app = FastAPI(
        title="Winnow",
        version=__version__,
        summary="Ranked screening of bibliographic records, and recall measured.",
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
    )
    app.state.winnow = state
    app.state.render_error = render.error_page
    errors.install(app)
    app.router.routes.extend(_list_routes())
    _static(app)
    _describe_security(app)

    @app.get("/healthz", include_in_schema=False)
    def health() -> dict[str, str]:
        """Check that the server answers and its database can be read."""
        with store.read() as session:
            migrate.check_readable(session)
        return {"status": "ok", "version": __version__}

    # The last one added is the outermost.
    app.add_middleware(
        BodyLimit, upload_limit=settings.upload_limit, stall_seconds=settings.stall_seconds
    )
    app.add_middleware(SignedInFirst)
    app.add_middleware(Guard, base_url=settings.base_url)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.hosts)
    app.add_middleware(UnreadBody)
    return app


@cache
def _list_routes() -> list[BaseRoute]:
    """All routes of the API and the pages.

    FastAPI reads the signatures of routes at the first request, and keeps what it found with the
    route. Each further application of a process has it already.
    """
    everything = APIRouter()
    for router in API_ROUTERS:
        everything.include_router(router, prefix=API, responses=_ANSWERS)
    for router in PAGE_ROUTERS:
        everything.include_router(router, include_in_schema=False)
    return everything.routes


def _static(app: FastAPI) -> None:
    """Serve our own files, and Swagger UI from its package: nothing comes from other sites."""
    app.mount("/static", StaticFiles(directory=resources.STATIC), name="static")
    swagger = StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")
    app.mount("/api/docs/assets", swagger, name="swagger")

    @app.get("/api/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        """The API's documentation."""
        return HTMLResponse(render.text("docs.html", openapi_url=f"{API}/openapi.json"))


def _describe_security(app: FastAPI) -> None:
    """Describe in the OpenAPI document how a client signs in."""

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            schema.setdefault("components", {})["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer"}
            }
            schema["security"] = [{"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way
