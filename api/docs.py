"""The reference page: the OpenAPI document as people read it, drawn by the server, with no foreign script."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from api import samples, schema
from core.errors import Refusal
from edge.access import access
from outbound.webhooks.rules import TYPES

_METHODS = ("get", "post", "patch", "delete")
_HUMAN = {"get": "GET", "post": "POST", "patch": "PATCH", "delete": "DELETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: where it stands, what it holds, and what there is to know about it."""

    name: str
    kind: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked for."""

    name: str
    method: str
    path: str
    summary: str
    parameters: tuple[Field, ...]
    takes: tuple[Field, ...]
    shows: str
    gives: tuple[Field, ...]
    refusals: tuple[tuple[str, str], ...]
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun:
    """All operations of one kind of record."""

    name: str
    anchor: str
    operations: tuple[Operation, ...]


@access(get=schema.READERS)
def reference(request: HttpRequest) -> HttpResponse:
    """Show the reference page."""
    asked = request.GET.get("lang", "")
    language = asked if asked in samples.LANGUAGES else "curl"
    context = {
        "nouns": nouns(schema.document(), language),
        "told": sorted(TYPES.items()),
        "refusals": refusals(),
        "base": settings.PUBLIC_URL,
        "languages": [(code, word, code == language) for code, word in samples.LANGUAGES.items()],
        "language": samples.LANGUAGES[language],
    }
    return render(request, "api/docs.html", context)


@cache
def refusals() -> tuple[tuple[str, int, str], ...]:
    """List every code that a refusal may carry, with its status and what it says; `type` of an answer leads here."""
    found: dict[str, tuple[str, int, str]] = {}
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        # Several may share a code: the one that defines it says what it means.
        if "code" in vars(kind) or kind is Refusal:
            sentence = (kind.__doc__ or "").strip().splitlines()[0]
            found.setdefault(kind.code, (kind.code, kind.status, sentence))
    return tuple(sorted(found.values()))


def nouns(document: dict[str, Any], language: str = "curl") -> tuple[Noun, ...]:
    """Order the document by kind of record."""
    found: dict[str, list[Operation]] = {}
    for path, operations in document["paths"].items():
        noun = path.removeprefix("/api/v1/").split("/")[0]
        for method in _METHODS:
            if method in operations:
                found.setdefault(noun, []).append(
                    _operation(document, path, method, operations[method], language)
                )
    return tuple(
        Noun(name=name.replace("_", " ").capitalize(), anchor=name, operations=tuple(items))
        for name, items in sorted(found.items())
    )


def _operation(
    document: dict[str, Any], path: str, method: str, operation: dict[str, Any], language: str
) -> Operation:
    takes = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    gives: dict[str, Any] = {}
    for code in ("200", "201"):
        content = operation["responses"].get(code, {}).get("content", {})
        gives = content.get("application/json", {}).get("schema", gives)
    return Operation(
        name=operation["operationId"],
        method=_HUMAN[method],
        path=path,
        summary=operation.get("summary", ""),
        parameters=tuple(
            Field(
                name=parameter["name"],
                kind={"path": "path", "query": "query", "header": "header"}[parameter["in"]],
                note=parameter.get("description", "The record's id." if parameter["in"] == "path" else ""),
            )
            for parameter in operation.get("parameters", [])
        ),
        takes=tuple(_fields(document, takes, says_required=True)),
        shows=gives.get("$ref", "").rsplit("/", 1)[-1],
        gives=tuple(_fields(document, gives)),
        refusals=tuple(
            (code, answer["description"]) for code, answer in operation["responses"].items() if code >= "400"
        ),
        example=samples.write(
            language,
            method=_HUMAN[method],
            url=settings.PUBLIC_URL + path,
            body=_sample(document, takes) if takes else None,
        ),
    )


def _resolve(document: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Follow references, also those that spectacular wraps to say something beside them."""
    while True:
        if "$ref" in found:
            found = document["components"]["schemas"][found["$ref"].rsplit("/", 1)[-1]]
        elif len(found.get("allOf", [])) == 1:
            found = found["allOf"][0]
        elif "oneOf" in found:
            found = next(inner for inner in found["oneOf"] if inner.get("type") != "null")
        else:
            return found


def _fields(
    document: dict[str, Any], found: dict[str, Any], before: str = "", *, says_required: bool = False
) -> list[Field]:
    """List the fields of an object and of the objects in it; of a body, which must be there."""
    found = _resolve(document, found)
    rows: list[Field] = []
    must = found.get("required", []) if says_required else []
    for name, inner in sorted(found.get("properties", {}).items(), key=lambda entry: entry[0] not in must):
        resolved = _resolve(document, inner)
        required = name in must
        notes = ("Required." if required else "", inner.get("description", ""))
        rows.append(
            Field(name=before + name, kind=_kind(resolved, inner), note=" ".join(filter(None, notes)))
        )
        items = _resolve(document, resolved["items"]) if resolved.get("type") == "array" else {}
        for part, mark in ((resolved, "."), (items, "[].")):
            if part.get("properties"):
                rows.extend(_fields(document, part, f"{before}{name}{mark}", says_required=says_required))
    return rows


def _kind(found: dict[str, Any], declared: dict[str, Any]) -> str:
    kind = found.get("type", "any")
    words = [word for word in (kind if isinstance(kind, list) else [kind]) if word != "null"]
    text = str(found.get("format") or " or ".join(words))
    if "examples" in found:
        text += f" such as {found['examples'][0]}"
    if "enum" in found:
        text = ", ".join(str(word) for word in found["enum"] if word is not None)
    nullable = "null" in kind or any(inner.get("type") == "null" for inner in declared.get("oneOf", []))
    return f"{text}, or null" if nullable else text


def _sample(document: dict[str, Any], found: dict[str, Any]) -> Any:
    """Make a body of the required fields, from the examples beside their declarations."""
    found = _resolve(document, found)
    if found.get("examples"):
        return found["examples"][0]
    if found.get("type") == "array":
        return [_sample(document, found["items"])]
    if found.get("type") == "object":
        return {
            name: _sample(document, inner)
            for name, inner in found.get("properties", {}).items()
            if name in found.get("required", [])
        }
    if "enum" in found:
        return found["enum"][0]
    return {"date": "2026-12-31", "email": "anna@example.com"}.get(found.get("format", ""), "…")
