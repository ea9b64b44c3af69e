"""A CloudFormation template: its resources, and the methods that they declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keyward.apis.model import DeployedMethod
from keyward.lint.intrinsics import Parameters, argument
from keyward.lint.model import Edit, Findings, Method
from keyward.lint.openapi import Document
from keyward.lint.positions import Map
from keyward.lint.source import Source
from keyward.values import frozen

METHOD, RESOURCE = "AWS::ApiGateway::Method", "AWS::ApiGateway::Resource"
REST_API = "AWS::ApiGateway::RestApi"
# A nested template, and the property that names its file.
NESTED = {
    "AWS::CloudFormation::Stack": "TemplateURL",
    "AWS::Serverless::Application": "Location",
}
UNKNOWN_PATH, UNKNOWN_VERB = "…", "?"


@frozen
class Reference:
    """A local file that a template takes in, named relative to the template: the document of an
    `api`, or a nested template, where `api` is None."""

    location: str
    line: int
    api: str | None


class Template:
    """A template within its source. `findings` takes the notes, `references` the documents that
    lie in files of their own."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self.source = source
        self.findings = findings
        self.references: list[Reference] = []
        self.resources = source.root.map("Resources")
        self.parameters = Parameters(source.root.map("Parameters"))

    def of_type(self, kind: str) -> dict[str, Map]:
        """The properties of each resource of a type, by logical id."""
        return {
            name: resource.map("Properties")
            for name, resource in self.resources.items()
            if isinstance(resource, Map) and resource.get("Type") == kind
        }

    def type_of(self, logical_id: str) -> str:
        """A resource's type, empty for an id that the template does not have."""
        return str(self.resources.map(logical_id).get("Type", ""))

    def name_of(self, logical_id: str, properties: Map, body: Any = None) -> str:
        """Name an API as exemptions can: by its Name, else the document's title, else its logical
        id."""
        title = body.map("info").get("title") if isinstance(body, Map) else None
        found = (self.parameters.text(one) for one in (properties.get("Name"), title))
        return next((one for one in found if one), logical_id)

    def note(self, line: int, text: str) -> None:
        """Note what could not be looked into."""
        self.findings.note(self.source.name, line, text)

    def refer(self, properties: Map, key: str, api: str) -> bool:
        """Whether the property names a document elsewhere, which is then remembered; one that is
        not a local file is noted."""
        value = properties.get(key)
        if not value or (isinstance(value, Map) and "paths" in value):
            return False
        included = argument(value, "Fn::Transform")
        parameters = included.get("Parameters") if isinstance(included, Map) else None
        found = parameters.get("Location") if isinstance(parameters, Map) else value
        line = properties.line_of(key)
        if isinstance(found, str) and not found.startswith("s3://"):
            self.references.append(Reference(found, line, api))
        else:
            self.note(line, f"{key} of {api} is not checked: its document must be a local file")
        return True

    def refer_to_nested(self) -> None:
        """Remember the nested templates that are local files, and note the others."""
        for kind, key in NESTED.items():
            for logical_id, properties in self.of_type(kind).items():
                found, line = properties.get(key), properties.line_of(key)
                if isinstance(found, str) and "://" not in found:
                    self.references.append(Reference(found, line, None))
                else:
                    says = (
                        f"{key} of {logical_id} is not checked: its template must be a local file"
                    )
                    self.note(line, says)

    def methods(self) -> Iterator[Method]:
        """The methods of AWS::ApiGateway resources, documents in `Body` included."""
        for logical_id, properties in self.of_type(REST_API).items():
            body = properties.get("Body")
            api = self.name_of(logical_id, properties, body)
            elsewhere = [self.refer(properties, key, api) for key in ("Body", "BodyS3Location")]
            if isinstance(body, Map) and not any(elsewhere):
                yield from Document(self.source, body, api).methods()
        for logical_id, properties in self.of_type(METHOD).items():
            yield self._method(logical_id, properties)

    def _method(self, logical_id: str, properties: Map) -> Method:
        """ApiKeyRequired defaults to false (CloudFormation reference, AWS::ApiGateway::Method)."""
        line = properties.lines.get("ApiKeyRequired") or self.resources.line_of(logical_id)
        authorization = self.parameters.text(properties.get("AuthorizationType")) or "NONE"
        verb = self.parameters.text(properties.get("HttpMethod")) or UNKNOWN_VERB
        required = self.parameters.is_true(properties.get("ApiKeyRequired"))
        path = self._path(properties.get("ResourceId"), 0) or "/"
        return Method(
            file=self.source.name,
            line=line,
            api=self._api(properties.get("RestApiId")),
            deployed=DeployedMethod(path, verb.upper(), authorization, required),
            place=f"Properties of {logical_id}",
            remedy=self.source.written("ApiKeyRequired", True),
            edits=self.edits(properties, "ApiKeyRequired"),
        )

    def edits(self, holder: Map, key: str, *more: str) -> tuple[Edit, ...]:
        """The edit that sets the key to true in a mapping of the file, or in one below it that may
        be missing; none for a mapping that is not in the file."""
        path = self.source.path_of(holder)
        return () if path is None else (Edit((*path, *more), key, "true"),)

    def _api(self, reference: Any) -> str:
        """An API of another stack has no name here."""
        logical_id = argument(reference, "Ref")
        if not isinstance(logical_id, str):
            return reference if isinstance(reference, str) else ""
        return self.name_of(logical_id, self.resources.map(logical_id).map("Properties"))

    def _path(self, reference: Any, depth: int) -> str:
        """A resource's path up to the root; `…` stands for what another stack knows."""
        logical_id, attribute = _target(reference)
        if attribute == "RootResourceId":
            return ""
        if depth > len(self.resources) or self.type_of(logical_id) != RESOURCE:
            return UNKNOWN_PATH
        properties = self.resources.map(logical_id).map("Properties")
        part = self.parameters.text(properties.get("PathPart")) or UNKNOWN_PATH
        return f"{self._path(properties.get('ParentId'), depth + 1)}/{part}"


def _target(reference: Any) -> tuple[str, str]:
    """Logical id and attribute that `Ref` or `Fn::GetAtt` point at; empty for anything else."""
    got = argument(reference, "Fn::GetAtt")
    parts = got.split(".", 1) if isinstance(got, str) else got
    if isinstance(parts, list) and len(parts) == 2:
        return str(parts[0]), str(parts[1])
    return str(argument(reference, "Ref") or ""), ""
