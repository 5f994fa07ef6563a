"""System check: a route whose view declares nobody does not even boot."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from edge.access import Public, Rule, rules_of


def routes(
    patterns: Sequence[URLPattern | URLResolver] | None = None, prefix: str = "", namespace: str = ""
) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """Walk the URL table: (path pattern, name with namespace, view) of every route there is."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from routes(entry.url_patterns, path, inner)
        else:
            yield path, f"{namespace}{entry.name or ''}", entry.callback


@register(Tags.urls)
def every_route_declares_access(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Refuse a route about which nobody has decided, and a reason that is none."""
    found: list[CheckMessage] = []
    if not getattr(settings, "ROOT_URLCONF", ""):
        return found
    for path, name, view in routes():
        rules: dict[str, Rule] | None = rules_of(view)
        if not rules:
            found.append(Error(f"/{path} ({name or 'unnamed'}) declares no access.", id="edge.E001"))
            continue
        for method, rule in rules.items():
            if isinstance(rule, Public) and not rule.reason:
                found.append(Error(f"{method} /{path} is public without a reason.", id="edge.E002"))
    return found
