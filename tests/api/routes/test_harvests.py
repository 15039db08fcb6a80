"""Strategies and runs over the API."""

from __future__ import annotations

from fastapi.testclient import TestClient

from store.searching import gold
from store.searching import strategies as stored
from store.searching.gold import NewGold
from tests.api.harvests import STRATEGY, Bench


def test_the_api_saves_strategies_and_runs_them(client: TestClient, simulated: Bench) -> None:
    base = "/api/v1/reviews/review"
    assert client.get(f"{base}/strategy").status_code == 404
    saved = client.put(f"{base}/strategy", json={"text": STRATEGY, "reason": "first"})
    assert (saved.json()["version"], len(saved.json()["lines"])) == (1, 3)
    wrong = client.put(f"{base}/strategy", json={"text": "#1 (child*[tiab]"})
    assert wrong.status_code == 422
    assert wrong.json()["error"]["line"] == 1
    assert wrong.json()["error"]["column"]
    rendered = client.get(f"{base}/strategy/rendered/openalex").json()
    assert rendered["blocked"] is True
    assert client.post(f"{base}/runs", json={"source": "openalex"}).status_code == 409
    body = {"source": "openalex", "kind": "thesaurus", "reason": "words"}
    assert client.post(f"{base}/strategy/acceptances", json=body).json()["accepted"] == 1
    started = client.post(f"{base}/runs", json={"source": "openalex"})
    assert (started.status_code, started.json()["state"]) == (201, "waiting")
    run = started.json()["run"]
    assert client.post(f"{base}/runs", json={"source": "openalex"}).status_code == 409
    assert client.post(f"{base}/runs/{run}/stop").json()["state"] == "stopped"
    assert client.post(f"{base}/runs/{run}/resume").json()["state"] == "waiting"
    simulated.walk(run)
    (listed,) = client.get(f"{base}/runs").json()
    assert listed["state"] == "complete"
    counts = client.get(f"{base}/flow").json()
    assert counts["identified"] == listed["unique"]
    assert len(client.get("/api/v1/sources").json()) == 3
    release = client.post(f"{base}/runs/{run}/release", json={"reason": "x"})
    assert release.status_code == 409
    filtered = client.get(f"{base}/records", params={"standing": "filtered"}).json()
    assert filtered["total"] == listed["filtered"]


def test_a_version_that_would_turn_known_studies_needs_a_confirmation(
    client: TestClient, simulated: Bench
) -> None:
    simulated.save()
    with simulated.store.write() as session:
        gold.add_gold(
            session,
            simulated.review.id,
            [NewGold(title="Missed one", pmid="1")],
            list_name="known",
            person_id=simulated.person.id,
        )
        seen = [info.id for info in gold.list_gold(session, simulated.review.id)]
        stored.mark_gold_seen(session, simulated.review.id, seen, person_id=simulated.person.id)
    address = "/api/v1/reviews/review/strategy"
    answer = client.put(address, json={"text": STRATEGY + "#4 #3\n"})
    assert answer.status_code == 422
    # Clients may rely on the kind.
    assert answer.json()["error"]["kind"] == "NeedsConfirmation"
    assert "confirm: true" in answer.json()["error"]["remedy"]
    again = client.put(address, json={"text": STRATEGY + "#4 #3\n", "confirm": True})
    assert again.status_code == 200
