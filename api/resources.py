"""Files that ship with Winnow: configuration, pipelines, sample review, templates."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.pipeline import Pipeline, from_dict

if TYPE_CHECKING:
    from model.prior import StudyPrior

_HERE = Path(__file__).parent
TEMPLATES = _HERE / "templates"
STATIC = _HERE / "static"
SAMPLE = "childrens-services-integration"


def configs() -> Path:
    """The configuration folder: in the package if installed, next to it in a checkout."""
    inside = _HERE / "configs"
    return inside if inside.is_dir() else _HERE.parent / "configs"


def toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dictionary.

    Raises:
        ValueError: it is not valid TOML; the message names the file and the place in it.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: {error}") from error


def pipelines() -> list[str]:
    """Names of the pipelines that ship with Winnow."""
    return sorted(path.stem for path in (configs() / "pipelines").glob("*.toml"))


def pipeline(name: str) -> Pipeline:
    """A pipeline by name, or from a TOML file by its path.

    Raises:
        ValueError: there is no pipeline of that name, or its file is wrong.
    """
    shipped = configs() / "pipelines" / f"{name}.toml"
    path = shipped if name in pipelines() else Path(name)
    if path.suffix != ".toml" or not path.is_file():
        raise ValueError(f"there is no pipeline {name!r}; there are: {', '.join(pipelines())}")
    return from_dict(toml(path))


@functools.cache
def study_prior() -> StudyPrior:
    """The study-language prior that ships with Winnow."""
    # Imported here since its arrays take long to load, and few commands rank.
    from model import prior

    return prior.load()
