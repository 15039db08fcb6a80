"""The pages of imports: a file with its own columns, and withdrawals."""

from __future__ import annotations

import io

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.services.searching.importing import ImportRequest, import_file
from api.settings import Settings
from store.core import jobs, leases
from store.core.session import Store
from store.reviews import imported_people
from store.reviews.people import PersonInfo
from store.reviews.reviews import ReviewInfo
from store.searching import searches, uploads
from tests.api.people import api_client
from tests.store.builders import add_records


def test_columns_chosen_by_hand_are_imported(
    client: TestClient, store: Store, review: ReviewInfo
) -> None:
    base = f"/reviews/{review.slug}"
    file = ("own.csv", b"heading,when\nFirst,2020\nSecond,2021\n", "text/csv")
    preview = client.post(f"{base}/uploads", files={"file": file})
    assert preview.status_code == 200
    assert "heading" in preview.text
    upload_id = int(str(preview.url).rsplit("/", 1)[1])
    form = {"map.title": "heading", "map.year": "when", "map.odd": "x", "reported": "1,204"}
    assert client.post(f"{base}/uploads/{upload_id}", data=form).status_code == 200
    with store.read() as session:
        request = uploads.get_upload(session, upload_id, review.id).request
    assert request == {
        "search_id": None,
        "search_fields": {"reported": 1204},
        "mapping": {"title": "heading", "year": "when"},
        "labels": "ignore",
    }


def test_unknown_columns_have_a_remedy_for_each_door(
    client: TestClient, review: ReviewInfo
) -> None:
    file = {"file": ("own.csv", b"kolumne,spalte\na,b\nc,d\n", "text/csv")}
    pages, own = f"/reviews/{review.slug}", f"/api/v1/reviews/{review.slug}"
    for page in (
        client.post(f"{pages}/uploads", files=file),
        client.post(f"{pages}/gold/files", files=file),
    ):
        assert "For an import you can also choose them on the page" in page.text
        assert "--map" not in page.text
    answer = client.post(f"{own}/files", files=file)
    assert answer.status_code == 422
    assert answer.json()["error"]["kind"] == "UnreadableFile"
    assert answer.json()["error"]["remedy"].startswith("Send mapping")


def test_a_file_over_the_limit_has_a_remedy_for_people_at_a_browser(
    settings: Settings, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    small = settings.model_copy(update={"upload_limit_mb": 1})
    file = {"file": ("own.csv", b"title\n" + b"x" * 1_100_000, "text/csv")}
    own = f"/api/v1/reviews/{review.slug}"
    with api_client(create_app(small, store), store, person) as client:
        answer = client.post(f"{own}/files", files=file)
    assert answer.status_code == 413
    error = answer.json()["error"]
    assert error["kind"] == "FileTooLarge"
    assert error["remedy"] == "Split it, or ask the person who runs the server to import it."


def test_a_withdrawal_needs_a_reason(client: TestClient, store: Store, review: ReviewInfo) -> None:
    add_records(store, review.id, 1)
    with store.read() as session:
        (search,) = searches.list_searches(session, review.id)
    url = f"/reviews/{review.slug}/files/{search.batches[0].id}/withdraw"
    refused = client.post(url, data={"reason": "  "})
    assert refused.status_code == 422
    assert "A withdrawal needs a reason." in refused.text
    assert "wrong file" in client.post(url, data={"reason": "wrong file"}).text


def test_a_field_that_is_refused_is_named_as_on_the_page(
    client: TestClient, store: Store, review: ReviewInfo
) -> None:
    add_records(store, review.id, 1)
    with store.read() as session:
        (search,) = searches.list_searches(session, review.id)
    refused = client.post(f"/reviews/{review.slug}/searches/{search.id}", data={"reported": "many"})
    assert refused.status_code == 422
    assert "<p>Hits reported: write a number, not &#39;many&#39;</p>" in refused.text
    api = client.get(f"/api/v1/reviews/{review.slug}/records", params={"search_id": "many"})
    assert api.json()["error"]["message"].startswith("query.search_id: ")


@pytest.mark.parametrize("text", ["1.0", "1_0", "", "x", "1e3"])
def test_a_number_in_a_form_is_a_whole_number(
    client: TestClient, review: ReviewInfo, text: str
) -> None:
    form = {"day": "", "search": text or "0", "to": "review", "reason": "x"}
    refused = client.post(f"/reviews/{review.slug}/pool/assign", data=form)
    assert refused.status_code == 422
    assert "Search: " in refused.text
    form["search"] = " 7 "
    assert client.post(f"/reviews/{review.slug}/pool/assign", data=form).status_code in (404, 409)


def test_the_date_of_a_search_may_be_any_text(
    client: TestClient, store: Store, review: ReviewInfo
) -> None:
    add_records(store, review.id, 1)
    with store.read() as session:
        (search,) = searches.list_searches(session, review.id)
    address = f"/reviews/{review.slug}/searches/{search.id}"
    for text in ("1.0", "9" * 30, "in spring"):
        assert client.post(address, data={"run_on": text}).status_code == 200
        with store.read() as session:
            assert searches.get_search(session, review.id, search.id).run_on == text


RAYYAN = (
    "key,title,abstract,notes\n"
    'rayyan-1,Boots,Boots.,"RAYYAN-INCLUSION: {""Ann""=>""Included"", ""Ben""=>""Included""}"\n'
    'rayyan-2,Meals,Meals.,"RAYYAN-INCLUSION: {""Ann""=>""Included"", ""Ben""=>""Excluded""}"\n'
    'rayyan-3,Gait,Gait.,"RAYYAN-INCLUSION: {""Ben""=>""Unsure""}"\n'
)


def test_the_check_of_a_file_says_which_decisions_it_holds_and_what_is_not_understood(
    client: TestClient, review: ReviewInfo
) -> None:
    file = {"file": ("articles.csv", RAYYAN.encode())}
    shown = client.post(f"/reviews/{review.slug}/uploads", files=file).text
    for line in (
        "written by Rayyan",
        "decisions on titles and abstracts: 1 include",
        "1 record on which people disagree",
        "people: Ann, Ben",
        "not understood: 1 record: &#39;Unsure&#39;",
    ):
        assert f"<li>{line}</li>" in shown


def test_people_of_a_file_are_listed_and_mapped_on_the_team_page_and_named_on_the_record(
    store: Store, client: TestClient, review: ReviewInfo, person: PersonInfo
) -> None:
    import_file(
        *(store, review.id, io.BytesIO(RAYYAN.encode()), "articles.csv"),
        ImportRequest(labels="decisions"),
        person_id=person.id,
    )
    pages = f"/reviews/{review.slug}"
    assert "People named in imported files" in client.get(f"{pages}/team").text
    with store.read() as session:
        ann, _ = imported_people.list_imported_people(session, review.id)
    mapped = client.post(f"{pages}/team/imported/{ann.id}", data={"member": str(person.id)})
    assert mapped.status_code == 200
    assert f'<option value="{person.id}" selected>{person.name}</option>' in mapped.text
    record = client.get(f"{pages}/records/1").text
    assert "Decisions in imported files" in record
    # The time of the import is not that of the decision.
    assert "imported <time>" in record
    assert f"<strong>include</strong> by {person.name}, on title and abstract" in record
    assert "<strong>include</strong> by Ben, on title and abstract" in record
    # Nobody has decided the second one here, so nobody reads what others of the file decided.
    assert "by Ben" not in client.get(f"{pages}/records/2").text
    back = client.post(f"{pages}/team/imported/{ann.id}", data={"member": ""})
    assert f'<option value="{person.id}" selected>' not in back.text.split("imported/")[1]
    wrong = client.post(f"{pages}/team/imported/{ann.id}", data={"member": "999999"})
    assert wrong.status_code == 404


def test_an_import_under_way_has_one_line_with_its_file_and_how_much_is_stored(
    client: TestClient, store: Store, review: ReviewInfo, person: PersonInfo
) -> None:
    raw = "title\n" + "".join(f"Trial {n} of drug {n * 7919}\n" for n in range(600))
    pages: list[str] = []

    def look(stage: str, done: int, _total: int | None) -> None:
        if stage != "storing" or done == 600 or pages:
            return
        with store.write() as session:
            job = jobs.start_job(session, review.id, "import", owner=leases.create_owner())
            jobs.update_progress(session, job, done=done, total=600)
        pages.append(client.get(f"/reviews/{review.slug}/searches").text)
        raise KeyboardInterrupt

    def read() -> None:
        import_file(
            store,
            review.id,
            io.BytesIO(raw.encode()),
            "child-ratio.csv",
            ImportRequest(),
            person_id=person.id,
            progress=look,
        )

    with pytest.raises(KeyboardInterrupt):
        read()
    (under_way,) = pages
    pages.append(client.get(f"/reviews/{review.slug}/searches").text)
    assert "Importing" not in under_way
    assert under_way.count("child-ratio.csv") == under_way.count("<progress") == 1
    assert " of 600 entries stored" in under_way
    assert "interrupted" not in under_way
    assert "interrupted; it will go on by itself." in pages[1]
    assert "being received" not in pages[1]
    read()
    ended = client.get(f"/reviews/{review.slug}/searches").text
    assert "<progress" not in ended
    assert "Imports that have not ended" not in ended


def test_an_import_whose_worker_has_died_leaves_no_word_of_it(
    client: TestClient, store: Store, review: ReviewInfo
) -> None:
    with store.write() as session:
        lost = jobs.start_job(session, review.id, "import")
        other = jobs.start_job(session, review.id, "hits")
        assert jobs.interrupt_lost_job(session, lost)
        assert jobs.interrupt_lost_job(session, other)
        assert [job.id for job in jobs.list_recent_jobs(session, review.id)] == [other]
