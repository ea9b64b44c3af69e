"""The sample API: a pet shop, imported from an OpenAPI document, managed, deployed to `prod`."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

from local.account import ANYBODY, Account

DOCUMENT = Path(__file__).parent / "sample_api.yaml"
STAGE = "prod"


def create(account: Account, *, mode: str = "enforce") -> str:
    """Import the pet shop, tag it `keyward` = `mode` and deploy it; the id of its RestApi."""
    gateway = account.client("apigateway")
    rest_api_id = str(gateway.import_rest_api(body=DOCUMENT.read_bytes())["id"])
    arn = f"arn:aws:apigateway:{account.region}::/restapis/{rest_api_id}"
    gateway.tag_resource(resourceArn=arn, tags={"keyward": mode})
    gateway.create_deployment(restApiId=rest_api_id, stageName=STAGE)
    return rest_api_id


@dataclass(frozen=True)
class Commands:
    """What to type in a shell (bash, the AWS CLI of either version, curl) to see Keyward work."""

    exports: str
    sign_up: str
    keys: str
    reveal: str
    without_key: str
    with_key: str
    open_method: str
    release: str
    history: str
    link: str


def commands(account: Account, rest_api_id: str) -> Commands:
    """The commands for the sample API; in `with_key` VALUE stands for the key's value."""
    urls, outputs = account.urls, account.outputs
    pets = f"{urls.stage(rest_api_id, STAGE)}/pets"
    resource = _resource(account, rest_api_id, "/pets")
    about = f"--rest-api-id {rest_api_id}"
    detail = json.dumps({"customer_id": "acme", "plan": "free"})
    entry = {"EventBusName": outputs["EventBusName"], "Source": "shop"}
    entry |= {"DetailType": "CustomerSignedUp", "Detail": detail}
    return Commands(
        exports=f"export AWS_ENDPOINT_URL={urls.aws}\n"
        f"export AWS_ENDPOINT_URL_API_GATEWAY={urls.apigateway}\n"
        f"export AWS_ACCESS_KEY_ID={ANYBODY} AWS_SECRET_ACCESS_KEY={ANYBODY} "
        f"AWS_DEFAULT_REGION={account.region}",
        sign_up=f"aws events put-events --entries '{json.dumps([entry])}'",
        keys="aws apigateway get-api-keys",
        # fileb:// is the one way to send text that both versions of the AWS CLI understand
        reveal="""echo '{"customer_id": "acme"}' | aws lambda invoke /dev/stderr """
        f"--payload fileb:///dev/stdin --function-name {outputs['RevealKeyFunctionName']}",
        without_key=f"curl -i {pets}",
        with_key=f"curl -i {pets} -H 'x-api-key: VALUE'",
        open_method=f"aws apigateway update-method {about} --resource-id {resource} --http-method "
        "GET --patch-operations op=replace,path=/apiKeyRequired,value=false",
        release=f"aws apigateway create-deployment {about} --stage-name {STAGE}",
        history=f"{python()} -m keyward history acme",
        link="""echo '{"customer_id": "acme"}' | aws lambda invoke /dev/stderr """
        f"--payload fileb:///dev/stdin --function-name {outputs['CreateClaimFunctionName']}",
    )


def _resource(account: Account, rest_api_id: str, path: str) -> str:
    """The id of a resource of an API."""
    found = account.client("apigateway").get_resources(restApiId=rest_api_id, limit=500)["items"]
    return next(str(item["id"]) for item in found if item["path"] == path)


def python() -> str:
    """This interpreter, as it is typed in the checkout's folder."""
    running = Path(sys.executable)
    return os.path.relpath(running) if running.is_relative_to(Path.cwd()) else sys.executable


def how_to_use(typed: Commands) -> str:
    """Explain the commands to a person."""
    return f"""
Ready: a local AWS with Keyward on it, and a pet shop that it protects. In another shell:

{_indented(typed.exports)}

1. A customer signs up; a moment later there is a key in the usage plan `free`:

{_indented(typed.sign_up)}
{_indented(typed.keys)}

2. The key's value, for your back end; or a link that shows it once, to be opened in a browser:

{_indented(typed.reveal)}
{_indented(typed.link)}

3. The shop without a key (403), then with it (200):

{_indented(typed.without_key)}
{_indented(typed.with_key)}

4. A release opens a method. Seconds later protect-api has closed it again (403 without a key):

{_indented(typed.open_method)}
{_indented(typed.release)}
{_indented(typed.without_key)}

5. The customer's history: who asked for what, and what was done. With `make local` also
   `keyward --local history acme`, without the variables above:

{_indented(typed.history)}

Ctrl-C stops everything. Below is what happens: -> comes in, <- is announced.
"""


def _indented(text: str) -> str:
    return textwrap.indent(text, "  ")
