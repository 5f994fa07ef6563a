"""/v1/webhook_endpoints and /v1/events"""

from __future__ import annotations

from sandbox import shapes, webhooks
from sandbox.api.calls import Call, listing
from sandbox.errors import invalid
from sandbox.store import Body, new_id

_MOST = 16


def create(call: Call) -> Body:
    """Say where events are to be sent; the answer holds the secret, once."""
    url, events = call.params.needed("url"), call.params.texts("enabled_events")
    if not webhooks.is_reachable(url):
        raise invalid(
            "Invalid URL: the sandbox sends to this machine only (localhost).", "url", code="url_invalid"
        )
    if not events:
        raise invalid("Missing required param: enabled_events.", "enabled_events", code="parameter_missing")
    if len(call.account.all("webhook_endpoint")) >= _MOST:
        raise invalid(f"You have reached the maximum of {_MOST} test webhook endpoints.", "url")
    version = call.params.text("api_version")
    secret = new_id("whsec", 32)
    body = shapes.webhook_endpoint(
        url=url,
        enabled_events=events,
        api_version=version,
        description=call.params.text("description"),
        metadata=call.params.metadata(),
    )
    call.params.finish()
    call.account.add(body, secret=secret)
    return {**body, "secret": secret}


def update(call: Call) -> Body:
    """Change where events are sent, or stop sending."""
    found = call.object("webhook_endpoint")
    url, events = call.params.text("url"), call.params.texts("enabled_events")
    if url is not None:
        if not webhooks.is_reachable(url):
            raise invalid("Invalid URL: the sandbox sends to this machine only.", "url", code="url_invalid")
        found["url"] = url
    found["enabled_events"] = events or found["enabled_events"]
    if call.params.has("disabled"):
        found["status"] = "disabled" if call.params.flag("disabled") else "enabled"
    call.params.accept("description", "metadata")
    call.params.finish()
    call.account.save(found)
    return found.body


def retrieve(call: Call) -> Body:
    """Return where events are sent."""
    return call.object("webhook_endpoint").body


def delete(call: Call) -> Body:
    """Send no more events there."""
    found = call.object("webhook_endpoint")
    call.account.remove(found)
    return {"id": found.id, "object": "webhook_endpoint", "deleted": True}


def all_of(call: Call) -> Body:
    """List where events are sent."""
    return listing(call, "webhook_endpoint")


def event(call: Call) -> Body:
    """Return something that happened."""
    return call.object("event").body


def events(call: Call) -> Body:
    """List what happened."""
    kind, kinds = call.params.text("type"), call.params.texts("types")
    call.params.accept("delivery_success")
    wanted = {kind} if kind else set(kinds)
    return listing(call, "event", keep=lambda body: not wanted or body["type"] in wanted)
