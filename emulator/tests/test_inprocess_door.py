"""The emulator behind boto3 clients and sessions of the same process."""

from __future__ import annotations

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from emulator.emulator import Emulator
from emulator.inprocess import attach
from emulator.tests.door_lab import ACCESS_KEY, client


def test_every_client_of_a_boto3_session_is_attached() -> None:
    emulator, session = Emulator(), boto3.Session()
    attach(emulator, session)
    session.client("apigateway").create_api_key(name="a")
    assert [line["operation"] for line in emulator.calls()] == ["CreateApiKey"]


def test_a_botocore_session_is_attached() -> None:
    emulator, session = Emulator(), botocore.session.get_session()
    attach(emulator, session)
    session.create_client("apigateway").create_api_key(name="a")
    assert [line["operation"] for line in emulator.calls()] == ["CreateApiKey"]


def test_two_clients_of_one_emulator_are_told_apart_by_their_keys() -> None:
    emulator = Emulator(callers={ACCESS_KEY: "issuer"})
    one, other = client(), boto3.client("apigateway")
    attach(emulator, one)
    attach(emulator, other)
    one.get_account()
    other.get_account()
    assert [line["caller"] for line in emulator.calls()] == ["issuer", None]


def test_each_client_meets_the_emulator_that_it_is_attached_to() -> None:
    here, there = Emulator(), Emulator()
    one, other = client(), client()
    attach(here, one)
    attach(there, other)
    one.create_api_key(name="a")
    assert other.get_api_keys()["items"] == []


def test_a_detached_client_is_on_its_own_again() -> None:
    gw = client("http://127.0.0.1:9")
    detach = attach(Emulator(), gw)
    assert gw.get_account()["apiKeyVersion"]
    detach()
    with pytest.raises(Exception, match="Could not connect"):
        gw.get_account()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_moto_beside_it_serves_the_rest_and_keeps_out_of_the_way() -> None:
    with mock_aws():
        gw = boto3.client("apigateway")
        attach(Emulator(), gw)
        api = gw.create_rest_api(name="petstore")
        where = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
        gw.put_method(**where, authorizationType="NONE")
        patch = [{"op": "replace", "path": "/apiKeyRequired", "value": "true"}]
        assert gw.update_method(**where, patchOperations=patch)["apiKeyRequired"] is True
        assert boto3.client("dynamodb").list_tables()["TableNames"] == []


def test_an_error_is_a_client_error_with_code_status_and_request_id() -> None:
    gw = client()
    attach(Emulator(), gw)
    with pytest.raises(gw.exceptions.NotFoundException) as caught:
        gw.get_api_key(apiKey="nosuchkey0")
    assert isinstance(caught.value, ClientError)
    metadata = caught.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 404
    assert metadata["RequestId"]


def test_an_export_can_be_read_as_a_stream() -> None:
    gw = client()
    attach(Emulator(), gw)
    document = b'{"openapi": "3.0.1", "info": {"title": "petstore", "version": "7"}, "paths": {}}'
    api = gw.import_rest_api(body=document)["id"]
    root = gw.get_resources(restApiId=api)["items"][0]["id"]
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    gw.put_method(**where, authorizationType="NONE")
    gw.put_integration(**where, type="MOCK")
    gw.create_deployment(restApiId=api, stageName="prod")
    answer = gw.get_export(restApiId=api, stageName="prod", exportType="swagger")
    assert answer["body"].read().startswith(b"{")
    assert answer["contentDisposition"] == 'attachment; filename="swagger_7.json"'
