from __future__ import annotations

import dataclasses

import pytest

from api import resources
from model.pipeline import Pipeline, View, from_dict, to_dict


@pytest.mark.parametrize("name", resources.pipelines())
def test_a_pipeline_round_trips_and_keeps_its_hash(name: str) -> None:
    pipeline = resources.pipeline(name)
    again = from_dict(to_dict(pipeline))
    assert again == pipeline
    assert again.hash == pipeline.hash


def test_elas_u4_has_asreviews_constants() -> None:
    # asreview 3.0.8, models/models.py: C 0.11, ratio 9.8, 1-2-grams (the features' own constants).
    assert resources.pipeline("elas-u4").views == (View("words", C=0.11, ratio=9.8),)


def test_the_hash_names_what_changes_an_order() -> None:
    one = Pipeline("a", (View("words"),), "text")
    assert dataclasses.replace(one, description="other", name="b").hash == one.hash
    assert Pipeline("a", (View("words", C=0.2),)).hash != one.hash


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "x", "views": []}, "no views"),
        ({"views": [{"features": "words"}]}, "'name'"),
        ({"name": "x", "views": [{"features": "pixels"}]}, "features must be"),
        ({"name": "x", "views": [{"features": "words", "C": 0}]}, "C must be above 0"),
        ({"name": "x", "views": [{"features": "words", "c": 1}]}, "unexpected keyword"),
        ({"name": "x", "views": [{"features": "words"}], "vews": []}, "unknown key"),
    ],
)
def test_a_wrong_pipeline_is_refused_in_words(data: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_dict(data)


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match="default, elas-u4"):
        resources.pipeline("nope")
