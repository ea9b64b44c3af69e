"""`keyward key whose` and `key scan`: a leaked value finds its customer, and is told to nobody."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyward.aws.tables.fingerprints import Fingerprints
from keyward.events.key_value import new_value
from tests.cli.desk import Desk, desk_of


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        yield made


def whose(desk: Desk, value: str, *options: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{value}\n".encode())))
        return desk.run("key", "whose", *options)


def everything_kept(desk: Desk) -> str:
    tables = [table.scan()["Items"] for table in desk.bench.tables.values()]
    return json.dumps([tables, desk.bench.announced], default=str)


def test_a_leaked_value_finds_its_customer_and_what_stops_it(desk: Desk) -> None:
    for name in ("acme", "o'brien+x@example.com"):
        desk.bench.send("CustomerSignedUp", customer_id=name, plan="free")
    desk.bench.run()
    value = desk.bench.value("acme")
    code, out, err = whose(desk, value)
    assert (code, err) == (1, "")
    assert "of customer acme, enabled" in out
    assert value not in out + everything_kept(desk)
    assert whose(desk, f"  -H 'x-api-key: {value}';") == (1, out, "")
    remedy = json.loads(whose(desk, value, "--json")[1])["remedy"]
    assert desk.run(*shlex.split(remedy)[1:])[0] == 0
    disabled = [one for one in desk.bench.announced if one["detail-type"] == "KeyDisabled"]
    assert [one["detail"]["customer_id"] for one in disabled] == ["acme"]
    # It was deleted: there is nothing to stop any more.
    code, out, _ = whose(desk, value)
    assert (code, "of customer acme, deleted on 2026-01-01T" in out) == (1, True)
    assert "keyward history acme" in out
    assert value not in out + everything_kept(desk)


def test_no_value_is_a_wrong_call_and_an_argument_is_not_repeated(desk: Desk) -> None:
    code, out, err = whose(desk, "")
    assert (code, out, "No value came" in err) == (2, "", True)
    value = new_value("kw")
    code, out, err = whose(desk, value, value)
    assert (code, out, value in err, "unexpected extra argument" in err) == (2, "", False, True)


def test_keys_that_are_made_together_are_found_too(desk: Desk) -> None:
    names = [f"customer-{number}" for number in range(30)]
    for name in names:
        desk.bench.send("CustomerSignedUp", customer_id=name, plan="free")
    desk.bench.run()
    assert "ImportApiKeys" in {call["operation"] for call in desk.bench.calls}
    for name in (names[0], names[-1]):
        assert json.loads(whose(desk, desk.bench.value(name), "--json")[1])["customer_id"] == name


def test_the_fingerprint_is_written_down_before_the_key_is_made(desk: Desk) -> None:
    # The process dies after the call: what it wrote before has to do.
    desk.bench.fault("apigateway", "CreateApiKey", 1, "death_after")
    desk.bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    desk.bench.advance(300)
    assert len([c for c in desk.bench.calls if c["operation"] == "CreateApiKey"]) == 1
    assert json.loads(whose(desk, desk.bench.value("acme"), "--json")[1])["customer_id"] == "acme"


def test_a_value_of_ones_own_has_no_fingerprint_and_is_counted(desk: Desk) -> None:
    value = "OwnValue" * 5
    desk.bench.secretsmanager.create_secret(Name="keyward/own", SecretString=value)
    own = {"key_value_secret": "keyward/own"}
    desk.bench.put(customer_id="own", plan="free", status="active", **own)
    desk.bench.run()
    assert desk.bench.value("own") == value
    code, out, _ = whose(desk, value)
    assert code == 0
    assert "not a value that Keyward made" in out
    assert "1 key cannot be judged" in out
    stranger = json.loads(whose(desk, new_value("kw"), "--json")[1])
    assert stranger == {"customer_id": None, "not_judged": 1}


def test_two_stacks_give_one_value_two_fingerprints(capsys: pytest.CaptureFixture[str]) -> None:
    found = set()
    for _ in range(2):
        with desk_of(capsys) as desk:
            table = desk.bench.tables["SaltTable"]
            assert Fingerprints(table).known("a value") is None
            made = Fingerprints(table).of("a value")
            assert Fingerprints(table).known("a value") == Fingerprints(table).of("a value") == made
            found.add(made)
    assert len(found) == 2


def test_a_scan_tells_the_places_of_values_and_never_a_value(desk: Desk, tmp_path: Path) -> None:
    value = new_value("kw")
    files = {
        "src/app.py": f"# a comment\nKEY = '{value}'\n".encode(),
        "é.txt": f"x-api-key={value}&more".encode(),
        ".git/config": value.encode(),
        "picture.png": b"\0" + value.encode(),
        "almost.txt": value[:-1].encode() + b"!",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "link").symlink_to(tmp_path / "src")
    code, out, err = desk.run("key", "scan", str(tmp_path))
    assert (code, err) == (1, "")
    assert f"{tmp_path}/src/app.py:2: a Keyward key value" in out
    assert out.count(": a Keyward key value") == 2
    assert value not in out
    found = json.loads(desk.run("key", "scan", str(tmp_path), "--json")[1])
    assert [one["line"] for one in found] == [1, 2]
    assert desk.run("key", "scan", str(tmp_path / "almost.txt"))[0] == 0
    assert desk.run("key", "scan", str(tmp_path / "nothing"))[0] == 2
