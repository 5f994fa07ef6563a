"""Days at the end of the calendar do not end a page."""

import pytest

from accounts.permissions import RoleCode
from tests.guarantees import world

SENTENCE = "Enter a day between 2000 and 2100."


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "2101-01-01", "9999-12-31"])
def test_a_far_day_narrows_nothing_and_says_so(db: None, day: str) -> None:
    ours = world.organization("a", [RoleCode.OWNER])
    page = ours.people["owner"].client
    for address in ("audit?since=", "audit?until=", "invoices?due_from=", "invoices?due_to="):
        answer = page.get(f"/o/a/{address}{day}")
        assert answer.status_code == 200, address
        assert SENTENCE in answer.content.decode(), address
    assert page.get(f"/o/a/audit?since={day}&until={day}").status_code == 200


@pytest.mark.parametrize("day", ["2000-01-01", "2100-12-31"])
def test_the_first_and_the_last_day_are_shown(db: None, day: str) -> None:
    ours = world.organization("a", [RoleCode.OWNER])
    page = ours.people["owner"].client
    for address in ("audit?since=", "audit?until=", "invoices?due_from=", "invoices?due_to="):
        answer = page.get(f"/o/a/{address}{day}")
        assert answer.status_code == 200, address
        assert SENTENCE not in answer.content.decode(), address


@pytest.mark.parametrize("path", ["settings/members/invite"])
def test_a_far_end_is_refused_beside_its_field(db: None, path: str) -> None:
    ours = world.organization("a", [RoleCode.OWNER])
    answer = ours.people["owner"].client.post(f"/o/a/{path}", {"ends_on": "9999-12-31"})
    assert answer.status_code == 422
    assert SENTENCE in answer.content.decode()
