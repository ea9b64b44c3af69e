"""What keys say of their customer: the name and description of the record, on the whole stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.customers.key import labels_of
from keyward.customers.model import customer_of
from local.bench import Bench

POLICY = {"usage_plans": {"free": {}}, "propagation_seconds": 0}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(policy=POLICY) as made:
        yield made


def sign_up(bench: Bench, **more: Any) -> list[str]:
    """The writes on API Gateway that follow."""
    before = len(bench.calls)
    bench.send("CustomerSignedUp", customer_id="acme", plan="free", **more)
    bench.run()
    names = [call["operation"] for call in bench.calls[before:]]
    return [name for name in names if not name.startswith("Get")]


def said(bench: Bench) -> tuple[str | None, dict[str, str]]:
    [key] = bench.gateway.get_api_keys()["items"]
    return key.get("description"), dict(key.get("tags") or {})


def test_a_key_is_made_with_the_description_and_the_name_of_its_customer(bench: Bench) -> None:
    about = {"name": "Acme Inc.", "description": "Web shop", "tags": {"segment": "smb"}}
    assert sign_up(bench, **about) == ["CreateApiKey", "CreateUsagePlan", "CreateUsagePlanKey"]
    assert said(bench) == ("Web shop", {"name": "Acme Inc.", "segment": "smb"})
    assert sign_up(bench, **about) == []


def test_a_changed_record_changes_the_key_by_one_write_each(bench: Bench) -> None:
    sign_up(bench, name="Acme", description="old", tags={"segment": "smb", "tier": "1"})
    bench.advance(1)
    assert sign_up(bench, description="new") == ["UpdateApiKey"]
    bench.advance(1)
    assert sign_up(bench, name="Acme Ltd.", tags={"tier": "2"}) == ["TagResource", "UntagResource"]
    assert said(bench) == ("new", {"name": "Acme Ltd.", "tier": "2"})
    assert sign_up(bench) == []


def test_a_record_put_without_a_description_takes_it_off_and_leaves_others_tags(
    bench: Bench,
) -> None:
    sign_up(bench, name="Acme", description="old")
    [key] = bench.gateway.get_api_keys()["items"]
    arn = f"arn:aws:apigateway:us-east-1::/apikeys/{key['id']}"
    bench.gateway.tag_resource(resourceArn=arn, tags={"team": "theirs"})
    bench.advance(5)
    bench.put(customer_id="acme", plan="free", status="active")
    bench.run()
    assert said(bench) == (None, {"team": "theirs"})


def test_keys_that_are_imported_together_get_their_tags_afterwards(bench: Bench) -> None:
    for number in range(30):
        about = {"name": f"Customer {number}", "description": "by file", "plan": "free"}
        bench.send("CustomerSignedUp", customer_id=f"c{number}", **about)
    bench.advance(600)
    keys = bench.gateway.get_api_keys(limit=500)["items"]
    assert any(call["operation"] == "ImportApiKeys" for call in bench.calls)
    found = {key["name"]: (key["tags"]["name"], key["description"]) for key in keys}
    assert found == {f"c{n}/1": (f"Customer {n}", "by file") for n in range(30)}


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("Müller & Söhne", "Muller _ Sohne"),
        ("a@example.com", "a_example.com"),
        ("日本", None),
        ("x" * 256, "x" * 256),
    ],
)
def test_a_name_becomes_what_a_tag_can_hold(name: str, tag: str | None) -> None:
    record = {"customer_id": "acme", "plan": "free", "status": "active", "name": name}
    assert labels_of(customer_of(record)).tags == ({"name": tag} if tag else {})


def test_a_tag_that_cannot_be_costs_the_tag_and_no_key(bench: Bench) -> None:
    tags = {"aws:x": "1", "good": "2", "long": "y" * 300, "": "3", "odd": "ä"}
    bench.put(customer_id="acme", plan="free", status="active", tags=tags)
    bench.run()
    assert said(bench) == (None, {"good": "2"})


def test_a_key_of_the_last_edition_is_labelled_when_an_event_changes_the_record(
    bench: Bench,
) -> None:
    sign_up(bench, description="old")
    table = bench.tables["KeysTable"]
    where = {"customer_id": "acme", "record": "key#1"}
    item = table.get_item(Key=where)["Item"]
    table.put_item(Item={n: v for n, v in item.items() if n not in ("tags", "description")})
    bench.advance(5)
    bench.put(customer_id="acme", plan="free", status="active", description="by hand")
    bench.run()
    assert said(bench) == ("old", {})
    assert sign_up(bench, description="new") == ["UpdateApiKey"]
    assert said(bench) == ("new", {})
