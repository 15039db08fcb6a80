"""The pages of a search."""

from __future__ import annotations

from fastapi.testclient import TestClient

from api.services.searching import strategies
from store.searching import searches
from store.searching.runs import runs
from tests.api.harvests import STRATEGY, Bench


def test_the_pages_save_run_and_log_a_search(client: TestClient, simulated: Bench) -> None:
    base = "/reviews/review"
    assert "no strategy to search with" in client.get(f"{base}/harvest").text
    answer = client.post(f"{base}/strategy", data={"text": "#1 (child*[tiab]"})
    assert answer.status_code == 422
    assert "Line 1, column" in answer.text
    # What was typed stays in the form.
    assert "(child*[tiab]" in answer.text
    client.post(f"{base}/strategy", data={"text": STRATEGY, "peer_review": "PRESS, A. L."})
    page = client.get(f"{base}/strategy").text
    assert "version 1" in page
    assert "PRESS, A. L." in page
    blocked = client.post(f"{base}/harvest", data={"source": ["openalex", "pubmed"]})
    assert blocked.status_code == 409
    assert "would find less" in blocked.text
    # A page must not tell people to type a command.
    assert "accept the loss in writing" in blocked.text
    assert "winnow strategy" not in blocked.text
    mapped = client.post(
        f"{base}/strategy/map",
        data={"source": "openalex", "leaf": '"Child"[mesh]', "other": "child[tiab]"},
    )
    assert "version 2" in mapped.text
    assert (
        client.post(
            f"{base}/strategy/accept",
            data={"source": "europepmc", "kind": "nonsense", "reason": "x"},
        ).status_code
        == 422
    )
    # The text in the editor keeps the replacements made before.
    client.post(f"{base}/strategy", data={"text": STRATEGY + "\n#4 #3", "use": "#3"})
    with simulated.store.read() as session:
        current = strategies.get_current(session, simulated.review.id)
    assert current.info.version == 3
    assert len(current.strategy.replacements) == 1
    assert current.strategy.use == "3"
    with simulated.store.read() as session:
        (waiting,) = runs.list_runs(session, simulated.review.id)
    simulated.walk(waiting.id)
    text = client.get(f"{base}/harvest").text
    assert "complete" in text
    assert " found =" in text
    assert client.get(f"{base}/search-log").status_code == 200
    assert client.get(f"{base}/searches/{waiting.search_id}").status_code == 200
    assert client.get(f"{base}/records?standing=filtered").status_code == 200
    assert client.get(f"{base}/evaluation/search").status_code == 200
    again = client.post(f"{base}/runs/{waiting.id}/resume")
    assert again.status_code == 409
    gone = client.post(f"{base}/searches/{waiting.search_id}/withdraw", data={"reason": "wrong"})
    assert gone.status_code == 200
    with simulated.store.read() as session:
        withdrawn = searches.get_search(session, simulated.review.id, waiting.search_id)
    assert withdrawn.batches
    assert all(batch.withdrawn_at for batch in withdrawn.batches)


def test_an_acceptance_needs_a_reason(client: TestClient, simulated: Bench) -> None:
    simulated.save(accepted=False)
    loss = {"source": "openalex", "kind": "thesaurus", "reason": " "}
    page = client.post("/reviews/review/strategy/accept", data=loss)
    assert page.status_code == 422
    assert "An acceptance needs a reason. Write down why." in page.text
