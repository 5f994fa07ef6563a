"""Staff bill a deposit on a draft, have the draft take it off, and let it go again."""

from billing.creditnotes import services as credit_notes
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live
from tests.journeys.staff.test_own_account import client
from tests.make import api
from tests.make import billing as make


def test_the_page_of_a_draft_says_what_was_billed_ahead_and_lets_it_go(live: Live) -> None:
    asking = client(live, live.person())
    api.set_issuer(live.tenant)
    with scope(Scope(live.tenant)):
        plan = make.draft()
    url = f"/o/a/invoices/{ids.encode('invoice', plan.pk)}"
    assert asking.post(f"{url}/deposit", {"percentage": "30", "amount_minor": "5"}).status_code == 422
    drafted = asking.post(f"{url}/deposit", {"percentage": "30"}).headers["Location"]
    assert "is not taken off as it stands" not in asking.get(url).content.decode()
    with scope(Scope(live.tenant)):
        done = make.finalize(ids.decode("invoice", drafted.rsplit("/", 1)[-1]))
    page = asking.get(url).content.decode()
    assert "is not taken off as it stands" in page
    assert str(done.number) in page
    assert f"{url}/edit" not in page
    asking.post(f"{url}/take-off")
    assert f"Less deposit invoice {done.number}" in asking.get(url).content.decode()
    with scope(Scope(live.tenant)):
        credit_notes.issue(invoice_id=done.pk, actor=make.ACTOR, at=clock.now())
    asking.post(f"{url}/take-off")
    assert f"{url}/edit" in asking.get(url).content.decode()
