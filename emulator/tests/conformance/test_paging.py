"""Lists: limit and position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import OPEN
from emulator.tests.conformance.tags import believed, documented, recorded

LISTS = "1 GetApiKeys: "


def walk(call: Callable[..., Any], limit: int, items: str = "items") -> list[list[Any]]:
    """The pages of a list."""
    pages, position = [], None
    while True:
        answer = call(limit=limit, **({"position": position} if position else {}))
        pages.append(answer[items])
        position = answer.get("position")
        if not position:
            return pages


@documented("API reference: GetApiKeys, limit and position")
def test_keys_come_page_by_page(account: Account) -> None:
    stem = account.name()
    made = {account.key(name=f"{stem}-{number}")["id"] for number in range(5)}
    pages = walk(lambda **page: account.gw.get_api_keys(nameQuery=stem, **page), 2)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {item["id"] for page in pages for item in page} == made


@documented("API reference: the default is 25 a page")
def test_a_page_has_25_by_default(account: Account) -> None:
    stem = account.name()
    for number in range(26):
        account.key(name=f"{stem}-{number:02}")
    answer = account.gw.get_api_keys(nameQuery=stem)
    assert (len(answer["items"]), bool(answer.get("position"))) == (25, True)


@recorded(LISTS + "the last full page has no position")
@pytest.mark.parametrize("limit", [2, 3, 500])
def test_a_full_last_page_says_so(account: Account, limit: int) -> None:
    stem = account.name()
    for number in range(2):
        account.key(name=f"{stem}-{number}")
    answer = account.gw.get_api_keys(nameQuery=stem, limit=limit)
    assert (len(answer["items"]), answer.get("position")) == (2, None)


@recorded(LISTS + "limit=-1 is no error")
def test_a_negative_limit_is_no_error(account: Account) -> None:
    assert account.gw.get_api_keys(nameQuery=account.name("none"), limit=-1)["items"] == []


@documented("API reference: GetUsagePlanKeys, limit and position")
def test_keys_of_a_plan_come_page_by_page(account: Account) -> None:
    plan = account.plan()
    made = [account.key() for _ in range(3)]
    for key in made:
        account.attach(plan, key)
    pages = walk(lambda **page: account.gw.get_usage_plan_keys(usagePlanId=plan, **page), 2)
    assert {item["id"] for page in pages for item in page} == {key["id"] for key in made}
    assert [len(page) for page in pages] == [2, 1]


@recorded("1 GetUsagePlans(keyId) is paged")
def test_plans_of_a_key_come_page_by_page(account: Account) -> None:
    key, plans = account.key(), {account.plan() for _ in range(3)}
    for plan in plans:
        account.attach(plan, key)
    pages = walk(lambda **page: account.gw.get_usage_plans(keyId=key["id"], **page), 1)
    assert [len(page) for page in pages] == [1, 1, 1]
    assert {item["id"] for page in pages for item in page} == plans


@documented("API reference: GetDeployments, limit and position")
def test_deployments_come_page_by_page(account: Account) -> None:
    api = account.api({"GET /a": OPEN})
    made = {api.deploy(None) for _ in range(3)}
    pages = walk(lambda **page: account.gw.get_deployments(restApiId=api.id, **page), 2)
    assert {item["id"] for page in pages for item in page} == made


@documented("API reference: GetResources, limit and position")
def test_resources_come_page_by_page(account: Account) -> None:
    api = account.bare_api()
    for path in ("/a", "/b", "/c"):
        api.resource(path)
    pages = walk(lambda **page: account.gw.get_resources(restApiId=api.id, **page), 2)
    assert sorted(item["path"] for page in pages for item in page) == ["/", "/a", "/b", "/c"]


@believed("a position is bound to no page size")
def test_the_page_size_may_change_on_the_way(account: Account) -> None:
    stem = account.name()
    for number in range(4):
        account.key(name=f"{stem}-{number}")
    first = account.gw.get_api_keys(nameQuery=stem, limit=1)
    rest = account.gw.get_api_keys(nameQuery=stem, limit=500, position=first["position"])
    assert (len(rest["items"]), rest.get("position")) == (3, None)
