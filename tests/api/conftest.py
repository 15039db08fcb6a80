"""The program under test, and a review with simulated sources."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI

from api.app import create_app
from api.settings import Settings
from store.core.session import Store
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from tests.api.command_line import Run, run_apart, run_here
from tests.api.harvests import Bench, bench
from tests.store.builders import join


@pytest.fixture
def app(settings: Settings, store: Store) -> FastAPI:
    return create_app(settings, store)


@pytest.fixture
def here(tmp_path: Path) -> Run:
    """The command line on a new data folder, in this process."""
    return partial(run_here, tmp_path / "data")


@pytest.fixture
def apart(tmp_path: Path) -> Run:
    """The command line on the same data folder, in its own process each time."""
    return partial(run_apart, tmp_path / "data")


@pytest.fixture
def bo(store: Store, review: ReviewInfo) -> PersonInfo:
    """A reviewer."""
    with store.write() as session:
        return join(session, review.id, "bo")


@pytest.fixture
def simulated(
    store: Store, settings: Settings, review: ReviewInfo, person: PersonInfo
) -> Iterator[Bench]:
    """A review without a strategy, with simulated sources."""
    with bench(store, settings, review, person) as ready:
        yield ready


@pytest.fixture
def at(simulated: Bench) -> Bench:
    """The same with a strategy whose losses are accepted."""
    simulated.save()
    return simulated
