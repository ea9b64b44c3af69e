"""The methods of SAM's own resources: AWS::Serverless::Api, and events of type Api.

What SAM's transform makes of `Auth` is followed step by step (aws-sam-translator 1.113, swagger/
swagger.py and model/eventsources/push.py; the tests run it beside this). Only what is true for
certain counts as asking for a key, where SAM takes every value but a plain false for true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from keyward.apis.model import Place
from keyward.lint.intrinsics import argument
from keyward.lint.model import Edit, Method, Remedy
from keyward.lint.openapi import VERBS, Document, Operation, resource_path
from keyward.lint.positions import Map
from keyward.lint.security import CUSTOM, IAM, KEY, SAM_IAM, SAM_KEY, SAM_NO_KEY, ApiAuth
from keyward.lint.template import Template
from keyward.values import frozen

PREFLIGHT = "AddApiKeyRequiredToCorsPreflight"
API, IMPLICIT = "AWS::Serverless::Api", "ServerlessRestApi"
SAM_KINDS = {SAM_IAM: IAM, SAM_KEY: KEY}
FUNCTION, STATE_MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"


@frozen
class Event:
    """An event of type Api. `line` is its own, or that of its ApiKeyRequired."""

    name: str
    api_id: str
    verb: str
    path: str
    line: int
    auth: Map | None
    security: list[str]
    properties: Map
    of_function: bool = True

    @property
    def place(self) -> Place:
        """(verb, path)."""
        return self.verb, self.path

    @property
    def overrides(self) -> bool:
        """Whether its Auth holds for a DefinitionBody as well; SAM reads that of functions only."""
        return self.of_function and self.auth is not None and bool(self.auth.get("OverrideApiAuth"))


def methods(template: Template) -> Iterator[Method]:
    """All methods that SAM's transform would make of the template."""
    events = list(_events(template))
    shared = template.source.root.map("Globals").map("Api")
    apis = template.of_type(API)
    if any(event.api_id == IMPLICIT for event in events):
        apis[IMPLICIT] = Map(shared.line)
    for api_id, properties in apis.items():
        own = [event for event in events if event.api_id == api_id]
        yield from Api(template, api_id, merged(shared, properties), own).methods()


def merged(shared: Map, own: Map) -> Map:
    """Globals under a resource's own properties: mappings are merged, anything else is replaced."""
    made = Map(own.line or shared.line)
    for name in [*shared, *(key for key in own if key not in shared)]:
        holder = own if name in own else shared
        value = holder[name]
        if isinstance(shared.get(name), Map) and isinstance(own.get(name), Map):
            value = merged(shared[name], own[name])
        made.put(name, value, holder.line_of(name))
    return made


class Api:
    """An AWS::Serverless::Api with its Globals merged in, and the events that name it."""

    def __init__(
        self, template: Template, logical_id: str, properties: Map, events: list[Event]
    ) -> None:
        self._template = template
        self._source = template.source
        self._id = logical_id
        self._properties = properties
        self._events = events
        self._auth = properties.map("Auth")
        self._body = properties.get("DefinitionBody")
        self._name = template.name_of(logical_id, properties, self._body)
        self._defaults = _api_auth(template, self._auth)

    def methods(self) -> Iterator[Method]:
        """Its methods: those of the document, or else of the events, and OPTIONS for Cors."""
        for key in ("DefinitionUri", "DefinitionBody"):
            if self._template.refer(self._properties, key, self._name):
                return
        if self._body and not isinstance(self._body, Map):
            return
        document = Document(self._source, self._body or Map(), self._name)
        merges = not self._body or self._is_true("MergeDefinitions")
        events = [one for one in self._events if one.of_function or not self._body]
        found = [self._with_events(one, events, merges) for one in document.operations()]
        if merges:
            own_places = {one.place for one in found}
            found += [self._of_event(one) for one in events if one.place not in own_places]
        found += self._preflights([*document.paths(), *(one.place[1] for one in found)], found)
        found = [self._under_auth(one) for one in found]
        used = [one for one in events if merges or one.overrides]
        document.take_schemes_of_sam(self._schemes(used))
        if document.takes_no_scheme:
            found = [replace(o, remedy=o.remedy or self._api_remedy(o.place[0])) for o in found]
        yield from map(document.method, found)

    def _is_true(self, key: str) -> bool:
        return self._template.parameters.is_true(self._properties.get(key))

    def _with_events(self, found: Operation, events: list[Event], merges: bool) -> Operation:
        """An operation of the document, and what the events at its place say of it."""
        for event in [one for one in events if one.place == found.place]:
            wanted = (event.security if merges else None) or found.security or []
            wanted = [*wanted, *(event.security if event.overrides else [])]
            whole = found.integrated or merges
            found = replace(found, security=wanted or found.security, integrated=whole)
        return found

    def _of_event(self, event: Event) -> Operation:
        return Operation(event.place, event.line, event.security, self._event_remedy(event))

    def _preflights(self, paths: list[str], found: list[Operation]) -> list[Operation]:
        """`Cors` adds OPTIONS to each path that has none."""
        line, taken = self._properties.line_of("Cors"), {one.place for one in found}
        places = [("OPTIONS", path) for path in dict.fromkeys(paths)]
        return [
            Operation(place, line, None, self._api_remedy("OPTIONS"))
            for place in places
            if self._properties.get("Cors") and place not in taken
        ]

    def _under_auth(self, found: Operation) -> Operation:
        """SAM applies its defaults to operations with an integration only."""
        if not found.integrated:
            return found
        wanted = self._defaults.applied(found.place[0], found.security or [])
        own = found.security is not None
        return replace(found, security=wanted if wanted or own else None)

    def _schemes(self, used: list[Event]) -> dict[str, str]:
        """The kinds of the schemes that SAM adds for Auth and for events, by name."""
        named = {name for event in used for name in event.security} | {self._defaults.authorizer}
        kinds = {name: kind for name, kind in SAM_KINDS.items() if name in named}
        kinds |= {SAM_KEY: KEY} if self._defaults.key else {}
        return dict.fromkeys(self._defaults.authorizers, CUSTOM) | kinds

    def _event_remedy(self, event: Event) -> Remedy:
        if event.verb == "OPTIONS" and self._defaults.key and not self._defaults.key_on_preflight:
            return self._api_remedy("OPTIONS")
        if event.auth is not None:
            line = self._source.written("ApiKeyRequired", True)
            edits = self._template.edits(event.auth, "ApiKeyRequired")
            return Remedy(f"Auth in Properties of the event {event.name}", line, edits)
        line = self._source.written("Auth", {"ApiKeyRequired": True})
        edits = self._template.edits(event.properties, "ApiKeyRequired", "Auth")
        return Remedy(f"Properties of the event {event.name}", line, edits)

    def _api_remedy(self, verb: str) -> Remedy:
        """Of the API as a whole. Browsers send no key with OPTIONS: the preflights of `Cors` stay
        as they are, unless they are what lacks the key."""
        owner = "Globals.Api" if self._id == IMPLICIT else f"Properties of {self._id}"
        holder = (
            ("Globals", "Api") if self._id == IMPLICIT else ("Resources", self._id, "Properties")
        )
        name = PREFLIGHT if self._defaults.key else "ApiKeyRequired"
        edits = [Edit((*holder, "Auth"), name, "true")]
        if verb != "OPTIONS" and self._properties.get("Cors"):
            edits.append(Edit((*holder, "Auth"), PREFLIGHT, "false"))
        if "Auth" in self._properties:
            return Remedy(f"Auth in {owner}", self._source.written(name, True), tuple(edits))
        return Remedy(owner, self._source.written("Auth", {name: True}), tuple(edits))


def _api_auth(template: Template, auth: Map) -> ApiAuth:
    """The API's Auth; both switches for OPTIONS are true unless somebody says otherwise."""
    parameters = template.parameters
    authorizers = frozenset(auth.map("Authorizers"))
    default = parameters.text(auth.get("DefaultAuthorizer")) or ""
    return ApiAuth(
        key=parameters.is_true(auth.get("ApiKeyRequired")),
        key_on_preflight=parameters.is_true(auth.get(PREFLIGHT, True)),
        authorizer=default if default in authorizers or default == "AWS_IAM" else "",
        authorizer_on_preflight=not parameters.is_false(
            auth.get("AddDefaultAuthorizerToCorsPreflight", True)
        ),
        authorizers=authorizers,
    )


def _events(template: Template) -> Iterator[Event]:
    for kind in (FUNCTION, STATE_MACHINE):
        for properties in template.of_type(kind).values():
            declared = properties.map("Events")
            for name, event in declared.items():
                if isinstance(event, Map) and event.get("Type") == "Api":
                    found = _event(template, name, event.map("Properties"), declared.line_of(name))
                    if found:
                        yield replace(found, of_function=kind == FUNCTION)


def _event(template: Template, name: str, properties: Map, line: int) -> Event | None:
    """The event; a note instead when the template does not tell what it is."""
    path, verb = (template.parameters.text(properties.get(key)) for key in ("Path", "Method"))
    reference = properties.get("RestApiId", IMPLICIT)
    api_id = argument(reference, "Ref") or reference
    is_api = api_id == IMPLICIT or (isinstance(api_id, str) and template.type_of(api_id))
    if not path or not verb or not is_api:
        problem = "Path, Method and an API of this template, in plain words"
        template.note(line, f"the event {name} is not checked: it lacks {problem}")
        return None
    auth = properties["Auth"] if isinstance(properties.get("Auth"), Map) else None
    return Event(
        name=name,
        api_id=str(api_id),
        verb="ANY" if verb.lower() == "any" else VERBS.get(verb.lower(), verb.upper()),
        path=resource_path(path),
        line=auth.lines.get("ApiKeyRequired", line) if auth is not None else line,
        auth=auth,
        properties=properties,
        security=_security(template, auth) if auth is not None else [],
    )


def _security(template: Template, auth: Map) -> list[str]:
    """The names that an event's Auth puts into `security`."""
    authorizer: Any = template.parameters.text(auth.get("Authorizer"))
    found = [authorizer] if authorizer else []
    if auth.get("ApiKeyRequired") is not None:
        needs_key = template.parameters.is_true(auth["ApiKeyRequired"])
        found.append(SAM_KEY if needs_key else SAM_NO_KEY)
    return found
