"""What every address of the API has in common: who asks, what they sent, and how the answer leaves."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.http import parse_etags
from rest_framework.exceptions import ValidationError
from rest_framework.fields import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import errors
from api.authentication import edge_request
from api.fields import Body, check_text
from api.pagination import PARAMETERS as PAGE_PARAMETERS
from api.pagination import Page, page_of
from api.rendering import OneAnswer, dumps
from core import primitives
from core.actor import Actor
from core.errors import FieldError, Forbidden, Invalid
from edge import throttle
from edge.request import Request as EdgeRequest
from tenancy.models import TenantModel

_ETAG_LENGTH = 32
_LONGEST_PARAMETER = 500


class Endpoint(APIView):
    """One address. What narrows it is named in `filters`; any other query parameter is refused."""

    content_negotiation_class = OneAnswer
    listed: ClassVar[str] = ""
    filters: ClassVar[frozenset[str]] = frozenset()

    @property
    def edge(self) -> EdgeRequest:
        """Return the request as the doorway filled it in."""
        return edge_request(self.request)

    @property
    def actor(self) -> Actor:
        """Return who asks."""
        return self.edge.actor

    @property
    def tenant_id(self) -> UUID:
        """Return the organization the key belongs to.

        Raises:
            Forbidden: the request names none.
        """
        if self.edge.tenant is None:
            raise Forbidden
        return self.edge.tenant.pk

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse query parameters that mean nothing here, or stand twice (ASVS 15.3.7)."""
        super().initial(request, *args, **kwargs)
        takes_page = bool(self.listed) and request.method in ("GET", "HEAD")
        allowed = self.filters | PAGE_PARAMETERS if takes_page else self.filters
        faults = []
        for name, values in request.query_params.lists():
            pointer = f"/{errors.escape(name)}"
            if name not in allowed:
                faults.append(FieldError(pointer, "unknown_parameter", "There is no such parameter here."))
            elif len(values) > 1:
                faults.append(FieldError(pointer, "repeated", "This parameter may stand once."))
            else:
                faults += _unkeepable(pointer, str(values[0]))
        if faults:
            raise Invalid(faults)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say how much of the key's limit is left (draft-ietf-httpapi-ratelimit-headers)."""
        response = super().finalize_response(request, response, *args, **kwargs)
        left = self.edge.limit_left
        if left is not None:
            limit = throttle.of_api_key()
            window = round(limit.size / limit.per_second)
            response.headers["RateLimit-Policy"] = f'"key";q={limit.size};w={window}'
            response.headers["RateLimit"] = f'"key";r={left}'
        return response

    def body(self, shape: type[Body]) -> dict[str, Any]:
        """Read the body as `shape` says.

        Raises:
            Invalid: names every fault of every field.
        """
        sent = self.request.data
        # No body at all reads as an empty form.
        return dict(_reader(shape).run_validation({} if hasattr(sent, "getlist") else sent))

    def page(self, of: str = "") -> tuple[Page, Mapping[str, str]]:
        """Read which part of the list (`of` one record) is wanted, and by which filters."""
        given = {name: str(value) for name, value in self.request.query_params.items()}
        filters = {name: given[name] for name in self.filters if name in given}
        return page_of(given, tenant_id=self.tenant_id, name=self.listed + of, filters=filters), filters

    def asked(self) -> Mapping[str, str]:
        """Return the filters that were given, for an answer that is no list."""
        given = self.request.query_params
        return {name: str(given[name]) for name in self.filters if name in given}

    def choice(self, filters: Mapping[str, str], name: str, words: Sequence[str]) -> str | None:
        """Return a filter that is one word of a list, or None when it is not given.

        Raises:
            Invalid: another word.
        """
        word = filters.get(name)
        if word is not None and word not in words:
            detail = f"This must be one of: {', '.join(words)}."
            raise Invalid([FieldError(f"/{name}", "unknown_choice", detail)])
        return word

    def value(self, name: str, kind: Field[Any, Any, Any, Any], filters: Mapping[str, str]) -> Any:
        """Return a filter read as a field would be.

        Raises:
            Invalid: it cannot be read so.
        """
        try:
            return kind.run_validation(filters[name])
        except ValidationError as error:
            raise Invalid(errors.flatten(error.detail, f"/{name}")) from error

    def hold(self, model: type[TenantModel], pk: UUID) -> None:
        """Lock a record until the end, so that the version compared is the version changed."""
        model.objects.select_for_update(no_key=True).filter(pk=pk).first()

    def one(self, data: Mapping[str, Any]) -> HttpResponseBase:
        """Answer with one record and its version, or that the caller already has it."""
        tag = etag(data)
        known = parse_etags(self.request.headers.get("If-None-Match", ""))
        if tag in known or f"W/{tag}" in known or "*" in known:
            return HttpResponseNotModified(headers={"ETag": tag})
        return Response(data, headers={"ETag": tag})

    def made(
        self, make: Callable[[], bytes], *, media_type: str, name: str, version: str
    ) -> HttpResponseBase:
        """Answer with a file that is made once the transaction is over; a version the caller has is not made."""
        tag = f'"{version[:_ETAG_LENGTH]}"'
        known = parse_etags(self.request.headers.get("If-None-Match", ""))
        if tag in known or f"W/{tag}" in known or "*" in known:
            return HttpResponseNotModified(headers={"ETag": tag})
        headers = {"ETag": tag, "Content-Disposition": f'attachment; filename="{name}"'}
        answer = HttpResponse(content_type=media_type, headers=headers)

        def fill() -> HttpResponseBase:
            answer.content = make()
            return answer

        self.edge.afterwards = fill
        return answer

    def changed(self, data: Mapping[str, Any]) -> Response:
        """Answer a change with the record as it now is."""
        return Response(data, headers={"ETag": etag(data)})

    def created(self, data: Mapping[str, Any], path: str, *, waits: bool = False) -> Response:
        """Answer with a new record and where it is; 202 when it waits for somebody's approval."""
        location = f"/api/v1/{path}/{data['id']}"
        status = 202 if waits else 201
        return Response(data, status=status, headers={"ETag": etag(data), "Location": location})

    def expects_version(self) -> bool:
        """Tell whether the change is for one version only (`If-Match`)."""
        return "If-Match" in self.request.headers

    def match(self, data: Mapping[str, Any]) -> None:
        """Let a change pass that was meant for the record as it is.

        Raises:
            PreconditionFailed: it was meant for another version.
        """
        wanted = parse_etags(self.request.headers.get("If-Match", ""))
        if "*" not in wanted and etag(data) not in wanted:
            raise errors.PreconditionFailed


@cache
def _reader(shape: type[Body]) -> Body:
    """Return what reads bodies of a shape; it keeps nothing of what it has read, and is long to make."""
    return shape()


def _unkeepable(pointer: str, value: str) -> list[FieldError]:
    """Return what is wrong with a parameter's text: the database takes no NUL, and no log a card number."""
    try:
        check_text(value, limit=_LONGEST_PARAMETER)
    except ValidationError as error:
        return errors.flatten(error.detail, pointer)
    return []


def etag(data: Mapping[str, Any]) -> str:
    """Name a version of a record by what is shown of it."""
    return f'"{primitives.sha256(dumps(data)).hex()[:_ETAG_LENGTH]}"'
