"""ImportRestApi and PutRestApi: a document comes into an API (aws-recorded.md 8)."""

from __future__ import annotations

import re
from typing import Any, Protocol

from emulator.errors import bad_request, limit_exceeded
from emulator.ids import SHORT
from emulator.model import JSON, Resource, RestApi
from emulator.openapi import security
from emulator.openapi.document import (
    Document,
    Operation,
    is_model_name,
    mapping,
    mappings,
    named_texts,
    sequence,
    status,
    text,
    texts,
    whole,
)
from emulator.openapi.methods import Schemas, method
from emulator.openapi.schemas import model_schema
from emulator.refusals import DEFAULT_TEMPLATE

_PART = re.compile(r"[A-Za-z0-9._\-:]+|\{[A-Za-z0-9._\-:]+\+?\}")
BAD_PART = (
    "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable "
    "and curly braces at the beginning and the end."
)
# As operations/common.py says it (boto3#1296): that package stands above this one.
MAX_RESOURCES = 300
TOO_MANY = (
    "Maximum number of Resources for this API has been reached.  "
    "Please contact AWS if you need additional Resources."
)
INTEGRATIONS = ("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK")


class NewIds(Protocol):
    """Where new ids come from."""

    def new(self, length: int) -> str:
        """An id of that length."""


def import_document(
    api: RestApi, body: bytes, *, mode: str, ids: NewIds, parameters: dict[str, str] | None = None
) -> list[str]:
    """Change the API's working copy as the document says; stages and deployments stay.

    `mode` is `overwrite` (what the document does not name goes; also for a new API) or `merge`
    (the document's methods, models and so on replace those of the same name, the rest stays).
    Name, version and description come from the document in both (recorded), and so does
    apiKeySource, HEADER when it is not there (seen in serverless-apigw-binary#53). Of
    `parameters` only `basepath` = ignore | prepend | split is looked at.

    Returns:
        Warnings about names that AWS may refuse. Such a resource is made all the same, which is
        more lenient than AWS; such a model is not made.

    Raises:
        ApiGatewayError: `Invalid OpenAPI input.`, an integration without a type, too many
            resources. The API may be half changed then, so give a copy.
    """
    importer = _Importer(api, Document(body), mode == "overwrite", ids)
    importer.run(_prefix(importer.document, parameters or {}))
    return importer.warnings


def _prefix(document: Document, parameters: dict[str, str]) -> str:
    given = {name.lower(): value for name, value in parameters.items()}
    mode = (given.get("basepath") or "ignore").lower()
    parts = [part for part in document.base_path().split("/") if part]
    if mode == "split":
        parts = parts[1:]
    return "".join(f"/{part}" for part in parts) if mode in ("prepend", "split") else ""


class _Importer:
    def __init__(self, api: RestApi, document: Document, overwrite: bool, ids: NewIds) -> None:
        self.api = api
        self.document = document
        self.overwrite = overwrite
        self.ids = ids
        self.warnings: list[str] = []

    def run(self, prefix: str) -> None:
        """The whole import."""
        self._settings()
        schemas = Schemas(self.document)
        self._models(self.document.schemas)
        self._validators()
        self._authorizers()
        self._resources(prefix, schemas)
        for name, schema in schemas.made.items():
            self._model(name, schema)
        self._gateway_responses()
        documentation = mapping(self.document.extension("documentation"))
        if documentation or self.overwrite:
            parts = sequence(documentation.get("documentationParts"))
            self.api.documentation_parts = [mapping(part) for part in parts]

    def _settings(self) -> None:
        settings, document, info = self.api.settings, self.document, self.document.info
        settings["name"] = text(info.get("title") or "")
        for name in ("version", "description"):
            if info.get(name):
                settings[name] = text(info[name])
        source = document.extension("api-key-source")
        settings["apiKeySource"] = text(source).upper() if source else "HEADER"
        self._media_types(document.extension("binary-media-types"))
        size = document.extension("minimum-compression-size")
        self._optional("minimumCompressionSize", None if size is None else whole(size))
        policy = document.extension("policy")
        self._optional("policy", None if policy is None else text(policy))
        endpoint = mapping(document.server_extension("endpoint-configuration"))
        if "disableExecuteApiEndpoint" in endpoint:
            settings["disableExecuteApiEndpoint"] = bool(endpoint["disableExecuteApiEndpoint"])
        if endpoint.get("vpcEndpointIds"):
            configuration = settings.setdefault("endpointConfiguration", {})
            configuration["vpcEndpointIds"] = texts(endpoint["vpcEndpointIds"])

    def _optional(self, name: str, value: Any) -> None:
        if value is not None:
            self.api.settings[name] = value
        elif self.overwrite:
            self.api.settings.pop(name, None)

    def _media_types(self, wanted: Any) -> None:
        """Overwrite replaces them, merge appends, existing ones first (recorded)."""
        existing = [] if self.overwrite else self.api.settings.get("binaryMediaTypes") or []
        types = list(dict.fromkeys([*existing, *texts(wanted)]))
        self._optional("binaryMediaTypes", types or None)

    def _models(self, schemas: dict[str, JSON]) -> None:
        if self.overwrite:
            self.api.models = {}
        for name, schema in schemas.items():
            if is_model_name(name):
                self._model(name, schema)
            else:
                self.warnings.append(
                    f"Unable to create model for '{name}': Model name must be alphanumeric: {name}"
                )

    def _model(self, name: str, schema: Any) -> None:
        known = self.api.models.get(name, {})
        made = {"id": known.get("id") or self.ids.new(SHORT), "name": name}
        if isinstance(schema, dict) and schema.get("description"):
            made["description"] = text(schema["description"])
        made["schema"] = model_schema(schema, self.api.id)
        self.api.models[name] = {**made, "contentType": "application/json"}

    def _validators(self) -> None:
        known = {item.get("name"): item["id"] for item in self.api.request_validators.values()}
        if self.overwrite:
            self.api.request_validators = {}
        for name, item in mappings(self.document.extension("request-validators")).items():
            made: JSON = {
                "id": known.get(name) or self.ids.new(SHORT),
                "name": name,
                "validateRequestBody": bool(item.get("validateRequestBody")),
                "validateRequestParameters": bool(item.get("validateRequestParameters")),
            }
            self.api.request_validators[made["id"]] = made

    def _authorizers(self) -> None:
        made = security.authorizers(
            self.document, self.api.authorizers, lambda: self.ids.new(SHORT)
        )
        self.api.authorizers = made if self.overwrite else {**self.api.authorizers, **made}

    def _resources(self, prefix: str, schemas: Schemas) -> None:
        former = {resource.path: resource.id for resource in self.api.resources.values()}
        if self.overwrite:
            root_id = self.api.root_id
            self.api.resources = {root_id: Resource(root_id, "/")}
        by_path = self.api.by_path()
        for path in self.document.paths():
            self._resource(f"{prefix}{_tidy(path)}" or "/", by_path, former)
        authorizer_ids = {item["name"]: item["id"] for item in self.api.authorizers.values()}
        for operation in self.document.operations():
            resource = by_path[f"{prefix}{_tidy(operation.path)}" or "/"]
            made = method(operation, self.document, schemas, resource.id)
            security.protect(made, operation, self.document, authorizer_ids)
            self._validator(made, operation.body)
            self._check_integration(made, operation)
            resource.methods[operation.verb] = made

    def _check_integration(self, made: JSON, operation: Operation) -> None:
        """Words as quoted in many issues ("Unable to put integration on 'GET' for …")."""
        kind = made.get("methodIntegration", {"type": "MOCK"})["type"]
        if kind not in INTEGRATIONS:
            raise bad_request(
                "Errors found during import:\n\tUnable to put integration on "
                f"'{operation.verb}' for resource at path '{operation.path}': "
                "Enumeration value for IntegrationType must be non-empty"
            )

    def _validator(self, made: JSON, body: JSON) -> None:
        wanted = body.get("x-amazon-apigateway-request-validator")
        wanted = wanted or self.document.extension("request-validator")
        for item in self.api.request_validators.values():
            if wanted and item.get("name") == wanted:
                made["requestValidatorId"] = item["id"]

    def _resource(
        self, path: str, by_path: dict[str, Resource], former: dict[str, str]
    ) -> Resource:
        """The resource of a path; it and those above it are made when they are not there."""
        if path in by_path:
            return by_path[path]
        above, _, part = path.rpartition("/")
        parent = self._resource(above or "/", by_path, former)
        self._warn_of(parent, part, path)
        if len(self.api.resources) >= MAX_RESOURCES:
            raise limit_exceeded(TOO_MANY)
        made = Resource(former.get(path) or self.ids.new(SHORT), path, parent.id, part)
        self.api.resources[made.id] = by_path[path] = made
        return made

    def _warn_of(self, parent: Resource, part: str, path: str) -> None:
        """Warn of a path whose last part AWS may refuse."""
        problem = f"Unable to create resource at path '{path}': "
        if not _PART.fullmatch(part):
            self.warnings.append(problem + BAD_PART)
        if not part.startswith("{"):
            return
        for sibling in self.api.resources.values():
            other = sibling.path_part or ""
            same_kind = other.endswith("+}") == part.endswith("+}")
            if sibling.parent_id == parent.id and other.startswith("{") and same_kind:
                self.warnings.append(
                    f"{problem}A sibling ({other}) of this resource already has a variable path "
                    "part -- only one is allowed"
                )

    def _gateway_responses(self) -> None:
        if self.overwrite:
            self.api.gateway_responses = {}
        for kind, item in mappings(self.document.extension("gateway-responses")).items():
            made: JSON = {
                "responseType": kind,
                "responseParameters": named_texts(item.get("responseParameters")),
                "responseTemplates": named_texts(item.get("responseTemplates"))
                or {"application/json": DEFAULT_TEMPLATE},
                "defaultResponse": False,
            }
            if item.get("statusCode"):
                made["statusCode"] = status(item["statusCode"])
            self.api.gateway_responses[kind] = made


def _tidy(path: str) -> str:
    """The path without empty parts, as between two slashes or at its end; the root is empty."""
    return "".join(f"/{part}" for part in path.split("/") if part)
