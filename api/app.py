"""The server: API, pages, static files, security headers, errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api import __version__, errors, resources
from api.jobs import Jobs
from api.limits import BodyLimit
from api.pages import alike as alike_pages
from api.pages import conflicts as conflict_pages
from api.pages import duplicates as duplicates_pages
from api.pages import gold as gold_pages
from api.pages import harvests as harvest_pages
from api.pages import living as living_pages
from api.pages import protocols as protocol_pages
from api.pages import rechecks as recheck_pages
from api.pages import render
from api.pages import rescreens as rescreen_pages
from api.pages import reviews as review_pages
from api.pages import screening as screening_pages
from api.pages import searches as search_pages
from api.pages import session as session_pages
from api.pages import team as team_pages
from api.pages import together as together_pages
from api.routes import (
    conflicts,
    duplicates,
    harvests,
    living,
    people,
    rechecks,
    rescreens,
    reviews,
    screening,
    team,
    together,
)
from api.schemas import ErrorOut
from api.security import Guard
from api.services.screening import Orders
from api.settings import Settings
from api.state import State
from store.session import Store

API = "/api/v1"
_PAGES = (
    session_pages,
    review_pages,
    protocol_pages,
    search_pages,
    harvest_pages,
    living_pages,
    duplicates_pages,
    alike_pages,
    gold_pages,
    screening_pages,
    conflict_pages,
    recheck_pages,
    rescreen_pages,
    team_pages,
    together_pages,
)
_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorOut, "description": "Nobody is signed in."},
    403: {
        "model": ErrorOut,
        "description": "Your role does not allow it, or a browser sent this from another site.",
    },
    404: {"model": ErrorOut, "description": "There is no such thing in this place."},
    409: {"model": ErrorOut, "description": "It contradicts what is stored."},
    413: {"model": ErrorOut, "description": "The body is over the limit."},
    422: {"model": ErrorOut, "description": "The request is wrong; the message says where."},
}


def create_app(settings: Settings, store: Store) -> FastAPI:
    """The application over an open store.

    Args:
        settings: host allow-list, limits, cookies.
        store: its tables are checked already; it is closed by whoever opened it.
    """
    state = State(settings, store, Orders(), Jobs(store, settings, done=lambda: None))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(
        title="Winnow",
        version=__version__,
        summary="Ranked screening of bibliographic records, and recall measured.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
    )
    app.state.winnow = state
    app.state.render_error = render.error_page
    errors.install(app)
    for router in (
        reviews.router,
        duplicates.router,
        harvests.router,
        living.router,
        screening.router,
        conflicts.router,
        rechecks.router,
        rescreens.router,
        people.router,
        team.router,
        together.router,
    ):
        app.include_router(router, prefix=API, responses=_ANSWERS)
    for pages in _PAGES:
        app.include_router(pages.router, include_in_schema=False)
    _static(app)
    _describe_security(app)

    @app.get("/healthz", include_in_schema=False)
    def health() -> dict[str, str]:
        """Whether the server answers and its database can be read."""
        with store.read() as session:
            session.connection()
        return {"status": "ok", "version": __version__}

    app.add_middleware(BodyLimit, upload_limit=settings.upload_limit)
    app.add_middleware(Guard, base_url=settings.base_url)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.hosts)
    return app


def _static(app: FastAPI) -> None:
    """Our own files, and Swagger UI from its package: nothing is loaded from elsewhere."""
    app.mount("/static", StaticFiles(directory=resources.STATIC), name="static")
    swagger = StaticFiles(directory=Path(fastapi_offline.__file__).parent / "static")
    app.mount("/api/docs/assets", swagger, name="swagger")

    @app.get("/api/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        """The API's documentation."""
        return HTMLResponse(render.text("docs.html", openapi_url=f"{API}/openapi.json"))


def _describe_security(app: FastAPI) -> None:
    """Say in the OpenAPI document how a client signs in."""

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
