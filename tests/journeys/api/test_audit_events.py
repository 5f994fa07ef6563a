"""The trail over the API."""

from core import ids
from tests.make.api import events_of


def test_what_was_done_and_seen_stands_in_the_trail(api):
    made = api.post("customers", {"name": "Anna Gruber", "email": "anna@gruber.example", "currency": "EUR"})
    customer = made.json()["id"]
    api.get(f"customers/{customer}")
    api.get("customers")
    found = api.get(f"audit_events?subject={customer}").json()["data"]
    assert [event["event"] for event in found] == ["customer.read", "customer.created"]
    created = found[1]
    assert (created["subject"], created["result"], created["via"]) == (customer, "success", "api")
    assert created["actor"]["kind"] == "api_key"
    assert created["actor"]["id"] == created["api_key"]
    assert created["request"] == made.headers["X-Request-Id"]
    assert api.get(f"audit_events/{created['id']}").json() == created
    (listed,) = api.get("audit_events?event=customer.listed").json()["data"]
    assert (listed["subject"], listed["subjects"]) == (None, [customer])
    assert api.get(f"audit_events?request={created['request']}").json()["data"] == [created]
    assert "gruber" not in api.get("audit_events").content.decode().lower()


def test_the_walk_through_the_trail_has_no_gap_and_is_recorded(api):
    for _ in range(5):
        api.get("customers")
    seen, path = [], "audit_events?limit=2&event=customer."
    while path:
        page = api.get(path).json()
        seen += [event["id"] for event in page["data"]]
        path = (
            f"audit_events?limit=2&event=customer.&cursor={page['next_cursor']}" if page["has_more"] else ""
        )
    newest_first = reversed(events_of(api.tenant, "customer.listed"))
    assert seen == [ids.encode("audit_event", event["id"]) for event in newest_first]
    read = events_of(api.tenant, "audit.read")
    assert [event["facts"] for event in read] == [{"events": 2}, {"events": 2}, {"events": 1}]
    assert read[0]["fields"] == ["event"]


def test_moments_and_ids_are_read_strictly_and_nothing_foreign_is_found(api, other):
    customer = api.post("customers", {"name": "Anna", "currency": "EUR"}).json()["id"]
    (created,) = api.get(f"audit_events?subject={customer}").json()["data"]
    assert other.get(f"audit_events?subject={customer}").json()["data"] == []
    assert other.get(f"audit_events/{created['id']}").status_code == 404
    assert api.get("audit_events?subject=nonsense").json()["data"] == []
    assert api.get("audit_events?since=2100-01-01T00:00:00Z").json()["data"] == []
    for query, pointer in (
        ("since=2026-01-01", "/since"),
        ("until=x", "/until"),
        ("result=maybe", "/result"),
    ):
        refused = api.get(f"audit_events?{query}")
        assert refused.status_code == 422
        assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
