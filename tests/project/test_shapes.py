"""One shape for one fact: a dataclass is its own JSON, and every route says what it answers."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response

from api.routes.routers import API_ROUTERS
from api.schemas.base import Out
from tests.project.test_walls import ROOT, modules


def classes(*folders: str) -> Iterator[type]:
    """The classes that modules below these folders define themselves."""
    for path in modules():
        if str(path).startswith(folders) and path.name != "__init__.py":
            module = importlib.import_module(".".join(path.with_suffix("").parts))
            for _, found in inspect.getmembers(module, inspect.isclass):
                if found.__module__ == module.__name__:
                    yield found


def shape(kind: type) -> dict[str, object] | None:
    """The fields of a class as JSON describes them, without its names; None if it has no JSON."""
    try:
        schema = TypeAdapter(kind).json_schema(mode="serialization")
    except Exception:  # noqa: BLE001 - pydantic has many errors for a class without a JSON form
        return None
    return {
        name: {key: value for key, value in field.items() if key not in {"title", "default"}}
        for name, field in schema.get("properties", {}).items()
    }


def copies(models: list[type[BaseModel]], facts: list[type]) -> set[tuple[str, str]]:
    """Models and the dataclasses that they copy field by field."""
    return {
        (model.__name__, fact.__name__)
        for model in models
        for fact in facts
        if set(model.model_fields) == {field.name for field in dataclasses.fields(fact)}
        and shape(model) == shape(fact)
    }


def test_a_model_that_copies_a_dataclass_is_seen() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class Fact:
        id: int
        name: str | None

    class FactOut(Out):
        id: int
        name: str | None

    class MoreOut(FactOut):
        more: int

    assert copies([FactOut, MoreOut], [Fact]) == {("FactOut", "Fact")}


def test_no_response_model_copies_a_dataclass() -> None:
    models = [kind for kind in classes("api/schemas") if issubclass(kind, BaseModel)]
    facts = [kind for kind in classes("store", "api/services") if dataclasses.is_dataclass(kind)]
    assert len(models) > 40
    assert len(facts) > 80
    assert copies(models, facts) == set()


def has_shape(answer: object) -> bool:
    """Whether an annotation gives an answer's fields: a model, a dataclass, a response, or nothing.

    Lists and unions must consist of such; a list may also hold words or numbers.
    """
    if typing.get_origin(answer) in {list, typing.Union, types.UnionType}:
        return all(part in {str, int} or has_shape(part) for part in typing.get_args(answer))
    return isinstance(answer, type) and (
        answer is types.NoneType
        or issubclass(answer, (BaseModel, Response))
        or dataclasses.is_dataclass(answer)
    )


def answer_of(endpoint: Callable[..., object]) -> object:
    """What a route answers with, as annotated; ``Any`` if it is not."""
    return typing.get_type_hints(endpoint).get("return", Any)


def test_an_answer_without_a_shape_is_seen() -> None:
    @dataclasses.dataclass
    class Fact:
        id: int

    assert all(map(has_shape, (Fact, Out, list[Fact], Fact | Out, list[str], types.NoneType)))
    bare = (dict, dict[str, int], Mapping[str, Any], Any, list[dict[str, int]], Fact | dict, str)
    assert not any(map(has_shape, bare))
    assert answer_of(lambda: None) is Any


def test_every_route_answers_with_a_shape() -> None:
    routes = [
        route for router in API_ROUTERS for route in router.routes if isinstance(route, APIRoute)
    ]
    assert len(routes) > 100
    assert [route.path for route in routes if not has_shape(answer_of(route.endpoint))] == []


# Functions that may return a dictionary with its keys written out, and what it is.
BY_HAND = {
    "api/app.py health": "the health check",
    "api/commands/reviews.py _row": "a row that a command prints",
    "api/pages/records.py _copies": "values of a template",
    "api/pages/records.py _decisions": "values of a template",
    "api/pages/records.py _notes": "values of a template",
    "api/pages/rescreens.py as_fields": "values of a template",
    "api/pages/screening.py _surroundings": "values of a template",
    "harvest/sources/pubmed.py _create_cursor": "a source's cursor",
    "model/evaluation/compare.py mean_curve": "a curve of a benchmark",
    "model/pipeline.py to_dict": "a pipeline as its file spells it",
    "store/searching/gold.py _summary": "a line of the audit trail",
    "store/searching/record_rows.py row_values": "columns of a table",
}


def own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside it."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)


def written_by_hand(source: str) -> list[str]:
    """Functions that return a dictionary with several keys written out."""
    return [
        function.name
        for function in ast.walk(ast.parse(source))
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        and any(
            isinstance(node, ast.Return)
            and isinstance(node.value, ast.Dict)
            and sum(isinstance(key, ast.Constant) for key in node.value.keys) > 1
            for node in own_nodes(function)
        )
    ]


def test_json_is_not_written_by_hand() -> None:
    assert written_by_hand("def say(x):\n    return {'a': x.a, 'b': x.b}") == ["say"]
    assert written_by_hand("def say(x):\n    return {key: x for key in 'ab'}") == []
    found = {
        f"{path} {name}"
        for path in modules()
        for name in written_by_hand((ROOT / path).read_text())
    }
    assert found - set(BY_HAND) == set()
    assert set(BY_HAND) - found == set(), "no longer there"
