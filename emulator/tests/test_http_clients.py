"""The emulator over HTTP for many clients at once, and run alone."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from emulator.emulator import Emulator
from emulator.server import Running, start
from emulator.tests.door_lab import ask, client, connect, door


def test_two_emulators_run_side_by_side(running: Running) -> None:
    other = start(Emulator())
    try:
        client(running.url).create_api_key(name="a")
        assert client(other.url).get_api_keys()["items"] == []
    finally:
        other.stop()


def test_a_deployed_method_answers_on_the_data_plane(running: Running) -> None:
    gw = client(running.url)
    api = gw.create_rest_api(name="petstore")
    where = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gw.put_method(**where, authorizationType="NONE")
    templates = {"application/json": '{"statusCode": 200}'}
    gw.put_integration(**where, type="MOCK", requestTemplates=templates)
    gw.put_method_response(**where, statusCode="200")
    gw.put_integration_response(
        **where, statusCode="200", responseTemplates={"application/json": '{"ok": true}'}
    )
    gw.create_deployment(restApiId=api["id"], stageName="prod")
    url = running.invoke_url.format(rest_api_id=api["id"], stage="prod")
    connection = connect(url)
    for path in (f"/{api['id']}/prod", f"/{api['id']}/prod/", f"/{api['id']}/prod?a=b"):
        status, _, body = ask(connection, "GET", path)
        assert (status, json.loads(body)) == (200, {"ok": True}), path
    assert ask(connection, "HEAD", f"/{api['id']}/prod")[2] == b""
    assert ask(connection, "GET", "/nosuch/prod")[0] == 403
    connection.close()


def test_many_clients_make_keys_at_once_and_each_key_is_there_once(running: Running) -> None:
    gw = client(running.url, max_pool_connections=8)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: gw.create_api_key(name=f"k{n}")["id"], range(80)))
    listed = [key["id"] for key in gw.get_api_keys(limit=500)["items"]]
    assert sorted(listed) == sorted(set(made))
    assert len(door(running.url, "calls")) == 81


def test_of_many_that_want_one_value_one_gets_it(running: Running) -> None:
    gw = client(running.url, max_pool_connections=8)
    value = "fakeValueThatEverybodyWants000000001"

    def create(number: int) -> str:
        try:
            return str(gw.create_api_key(name=f"k{number}", value=value)["id"])
        except gw.exceptions.ConflictException:
            return "conflict"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(create, range(24)))
    assert outcomes.count("conflict") == 23


def test_the_module_runs_alone_prints_one_line_and_ends_well() -> None:
    command = [sys.executable, "-m", "emulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        assert client(urls["apigateway"]).get_api_keys()["items"] == []
        assert urls["invoke"].endswith("/{rest_api_id}/{stage}")
        process.terminate()
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, b"", b"")


def test_clients_of_a_stage_see_one_deployment_or_the_other_while_it_moves(
    running: Running,
) -> None:
    gw = client(running.url)
    api = gw.create_rest_api(name="petstore")
    where = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gw.put_method(**where, authorizationType="NONE", apiKeyRequired=True)
    gw.put_integration(
        **where, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}
    )
    gw.put_integration_response(**where, statusCode="200")
    closed = gw.create_deployment(restApiId=api["id"], stageName="prod")["id"]
    off = [{"op": "replace", "path": "/apiKeyRequired", "value": "false"}]
    gw.update_method(**where, patchOperations=off)
    opened = gw.create_deployment(restApiId=api["id"])["id"]

    def visit(_: int) -> list[int]:
        connection = connect(running.invoke_url)
        seen = [ask(connection, "GET", f"/{api['id']}/prod")[0] for _ in range(40)]
        connection.close()
        return seen

    with ThreadPoolExecutor(3) as pool:
        visits = pool.map(visit, range(3))
        for deployment in (opened, closed) * 10:
            move = [{"op": "replace", "path": "/deploymentId", "value": deployment}]
            gw.update_stage(restApiId=api["id"], stageName="prod", patchOperations=move)
    assert {status for seen in visits for status in seen} <= {200, 403}
    assert visit(0) == [403] * 40
