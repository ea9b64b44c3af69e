"""The sample API: a pet shop, imported from an OpenAPI document, managed, deployed to `prod`."""

from __future__ import annotations

from pathlib import Path

from local.account import Account

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


def how_to_use(account: Account, rest_api_id: str) -> str:
    """What to type in a shell to see Keyward work on the sample API."""
    url = account.urls.stage(rest_api_id, STAGE)
    entry = (
        f"EventBusName={account.outputs['EventBusName']},Source=shop,DetailType=CustomerSignedUp,"
        """Detail='{"customer_id":"acme","plan":"free"}'"""
    )
    return f"""
A local AWS with Keyward on it, and a pet shop that it protects. In another shell:

  export AWS_ENDPOINT_URL={account.urls.aws}
  export AWS_ENDPOINT_URL_API_GATEWAY={account.urls.apigateway}
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={account.region}

1. A customer signs up; a moment later there is a key in the usage plan `free`:

  aws events put-events --entries "{entry.replace('"', chr(92) + '"')}"
  aws apigateway get-api-keys

2. The key's value, which only this function tells:

  aws lambda invoke --function-name {account.outputs["RevealKeyFunctionName"]} \\
    --cli-binary-format raw-in-base64-out --payload '{{"customer_id":"acme"}}' /dev/stdout

3. The shop without a key (403), then with it (200):

  curl -i {url}/pets
  curl -i {url}/pets -H 'x-api-key: VALUE'

Ctrl-C stops everything.
"""
