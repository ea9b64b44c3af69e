"""A tag that API Gateway would refuse costs the tag, which is told, and not the key."""

from __future__ import annotations

from typing import Any

import pytest

from local.bench import Bench

BAD: dict[str, Any] = {
    "aws:x": "y",
    "a?": "y",
    "k" * 129: "",
    "long": "v" * 300,
    "number": 5,
    "map": {"a": 1},
    "nothing": None,
    "": "y",
    "odd": "\ud800",
    "lines": "a\nb",
}


@pytest.mark.parametrize("name", BAD, ids=range(len(BAD)))
def test_a_bad_tag_of_a_sign_up_is_named_and_left_out(name: str) -> None:
    with Bench() as bench:
        bench.api({"/pets": {"get": None}})
        tags = {"team": "pets", name: BAD[name]}
        bench.send("CustomerSignedUp", customer_id="acme", plan="free", tags=tags)
        bench.run()
        [issued] = [e["detail"] for e in bench.announced if e["detail-type"] == "KeyIssued"]
        assert f"left out of the key's tags: {name[:40] or '?'}" in issued["reason"]
        [key] = bench.gateway.get_api_keys()["items"]
        assert key["tags"] == {"team": "pets"}
        assert bench.account.queues.by_name["CustomersDlq"].messages == []


def test_more_tags_than_a_key_has_are_named() -> None:
    with Bench() as bench:
        tags = {f"tag-{number:02d}": "" for number in range(45)}
        bench.send("CustomerSignedUp", customer_id="acme", plan="free", tags=tags)
        bench.run()
        [issued] = [e["detail"] for e in bench.announced if e["detail-type"] == "KeyIssued"]
        assert "tag-44" in issued["reason"]


def test_good_tags_are_not_spoken_of() -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="free", tags={"team": "pets"})
        bench.run()
        [issued] = [e["detail"] for e in bench.announced if e["detail-type"] == "KeyIssued"]
        assert "tags" not in issued.get("reason", "")
