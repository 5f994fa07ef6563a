"""The OpenAPI 3.1 document: made from the same declarations that read the requests, so that it cannot drift.

It is not public (ASVS 13.4.5): any working key or signed-in person may read it, whatever their rights,
because it says what the product can do and nothing about whoever uses it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from api.fields import Body
from api.rendering import dumps
from edge import idempotency
from edge.access import Own, access
from edge.errors import PROBLEM_TYPE
from outbound.webhooks.rules import TYPES

READERS = Own(reason="the reference says what the product can do, and nothing about its users", api_key=True)
_V = TypeVar("_V", bound=Callable[..., Any])
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; programs decide by it."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "Where in the body (RFC 6901)."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_REFUSALS = {
    "400": "The body is not a JSON document that can be read in one way.",
    "401": "No key, or one that does not work.",
    "403": "The key's scopes do not include this, or it came over plain HTTP.",
    "404": "There is nothing here, or nothing of yours.",
    "409": "The record's state does not allow this, or something else changed it first.",
    "412": "The record is not the version that If-Match names.",
    "415": "The body is not application/json.",
    "422": "Some values cannot be used; every one of them is named.",
    "428": "Money moves here, and there is no Idempotency-Key.",
    "429": "Too many requests; Retry-After says when.",
    "503": "The organization is sealed.",
}
_ALWAYS = ("401", "403", "422", "429", "503")
# Operations whose body names a record that may not be there.
_NAMES_A_RECORD = frozenset({"allocations_create", "invoices_create", "payments_create", "refunds_create"})
_WITH_BODY = ("400", "409", "415")


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # no types
    """How a key is sent."""

    target_class = "api.authentication.EdgeAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Describe the Authorization header."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of one organization: sbk_test_… or sbk_live_…",
        }


class ListOfBodies(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # as above
    """How a list of objects is described."""

    target_class = "api.fields.Bodies"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Describe the list by its entries."""
        entry = auto_schema.resolve_serializer(self.target.child, direction).ref
        return {"type": "array", "items": entry, "minItems": 1, "maxItems": self.target.limit}


class Shown(serializers.Serializer):  # type: ignore[type-arg]  # generic in the stubs only
    """An object as it is shown. It only describes; the answers are written by plain functions beside it."""

    _spectacular_annotation: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # As extend_schema_serializer would, for every object there is.
        cls._spectacular_annotation = {"component_name": cls.__name__.removeprefix("Shown")}


def describe(
    name: str,
    summary: str,
    *,
    takes: type[Body] | None = None,
    gives: type[Shown],
    created: bool = False,
    waiting: str = "",
    filters: Iterable[tuple[str, str]] = (),
    listed: bool = False,
    examples: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[_V], _V]:
    """Describe one operation: its stable name, what it takes and what it gives.

    `waiting` says when it answers 202 with the same object, because somebody has to agree first. `examples` are bodies
    by what they show.
    """
    parameters = [
        OpenApiParameter(name, OpenApiTypes.STR, description=description)
        for name, description in (
            *filters,
            *(
                (("limit", "1 to 100; 50 if absent."), ("cursor", "next_cursor of the page before."))
                if listed
                else ()
            ),
        )
    ]
    decorate: Callable[[_V], _V] = extend_schema(
        operation_id=name,
        summary=summary,
        request=takes,
        responses={
            201 if created else 200: list_of(gives) if listed else gives,
            **({202: OpenApiResponse(gives, description=waiting)} if waiting else {}),
        },
        parameters=parameters,
        examples=[
            OpenApiExample(title, value=dict(body), request_only=True)
            for title, body in (examples or {}).items()
        ],
    )
    return decorate


def describe_file(
    name: str, summary: str, *, media_type: str, formats: Sequence[str] = ()
) -> Callable[[_V], _V]:
    """Describe an operation that answers with a file, whatever Accept says; its refusals are problem details."""
    formatted = OpenApiParameter(
        "format", OpenApiTypes.STR, enum=list(formats), default=next(iter(formats), "")
    )
    decorate: Callable[[_V], _V] = extend_schema(
        operation_id=name,
        summary=summary,
        request=None,
        parameters=[formatted] if formats else [],
        responses={(200, media_type): OpenApiTypes.BINARY},
    )
    return decorate


@cache
def list_of(shown: type[Shown]) -> type[Shown]:
    """Describe a page of such objects."""
    name = f"{shown.__name__.removeprefix('Shown')}List"
    fields = {
        "object": serializers.ChoiceField(choices=["list"]),
        "data": shown(many=True),
        "has_more": serializers.BooleanField(),
        "next_cursor": serializers.CharField(allow_null=True),
        "__doc__": "One page, newest first.",
    }
    return type(name, (Shown,), fields)


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add what every operation has: refusals, and headers that make repeating safe."""
    schemas = result["components"]["schemas"]
    for body in _bodies(Body):
        if body.__name__ in schemas:
            schemas[body.__name__]["additionalProperties"] = False
    schemas["Problem"] = _PROBLEM
    result["servers"] = [{"url": settings.PUBLIC_URL}]
    moving_money = {
        path.replace("{pk}", "{id}")
        for path, _, method, view in generator.endpoints
        if method == "POST" and idempotency.is_demanded(view)
    }
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if method not in ("get", "post", "patch", "delete"):
                continue
            codes = [*_ALWAYS, *(_WITH_BODY if method in ("post", "patch") else ())]
            codes += ["404"] if "{" in path or operation["operationId"] in _NAMES_A_RECORD else []
            codes += ["412"] if method == "patch" else []
            codes += ["428"] if method == "post" and path in moving_money else []
            for code in sorted(codes):
                operation["responses"].setdefault(code, _refusal(code))
            header = {"post": _IDEMPOTENCY, "patch": _IF_MATCH}.get(method)
            if "428" in codes:
                header = {**_IDEMPOTENCY, "required": True}
            if method == "get" and "{" in path:
                header = _IF_NONE_MATCH
                operation["responses"].setdefault("304", {"description": "Still the version of that ETag."})
            if header is not None:
                operation.setdefault("parameters", []).append(header)
    result["webhooks"] = {code: _told(code, sentence) for code, sentence in sorted(TYPES.items())}
    return result


def _told(code: str, sentence: str) -> dict[str, Any]:
    """Describe what an endpoint is told of one type of event (OpenAPI 3.1, webhooks)."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Event"}}}
    return {
        "post": {
            "operationId": f"told_{code.replace('.', '_')}",
            "summary": sentence,
            "parameters": [
                _header("webhook-id", "The event's id, the same at each attempt."),
                _header("webhook-timestamp", "When it was sent, in seconds since 1970."),
                _header("webhook-signature", "v1 and HMAC-SHA-256 in base64, one for each live secret."),
            ],
            "requestBody": {"required": True, "content": content},
            "responses": {"2XX": {"description": "Taken. Anything else is tried again."}},
        }
    }


def _bodies(of: type[Body]) -> Iterator[type[Body]]:
    for inner in of.__subclasses__():
        yield inner
        yield from _bodies(inner)


def _refusal(code: str) -> dict[str, Any]:
    content = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _REFUSALS[code], "content": content}


def _header(name: str, description: str, **schema: object) -> dict[str, Any]:
    return {"in": "header", "name": name, "schema": {"type": "string", **schema}, "description": description}


_IDEMPOTENCY = _header(
    "Idempotency-Key",
    "Sent again with the same body within 48 hours, it gets the same answer and nothing is done twice.",
    maxLength=255,
)
_IF_MATCH = _header("If-Match", "Change the record only if it is still the version with this ETag.")
_IF_NONE_MATCH = _header("If-None-Match", "Answer 304 if the record is still the version with this ETag.")


@cache
def document() -> dict[str, Any]:
    """Return the document; it is made once a process."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # as above
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # as above
    return found


@access(get=READERS)
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer with the document."""
    return HttpResponse(dumps(document()), content_type="application/json")
