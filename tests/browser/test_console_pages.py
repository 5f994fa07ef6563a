"""Every page of the console: readable by all, in both themes, under the policy, narrow enough."""

from playwright.sync_api import Browser

from accounts.models import Session
from audit import queries
from core import clock, ids
from crypto import tasks
from crypto.envelope import Purpose
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import accounts as make
from tests.make import finance


def test_nothing_is_wrong_with_the_pages_of_the_console(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant, actor=make.actor(who.user))
    with scope(Scope(live.tenant)):
        job = tasks.ask(purpose=Purpose.FIELDS, actor=make.actor(who.user), at=clock.now())
        event = queries.events(queries.Filters(event="invoice.finalized")).events[0]
    cookie = live.cookie(who)
    with scope(Scope()):
        mine = ids.encode("session", Session.objects.latest("id").pk)
    paths = [
        "audit",
        "audit?event=invoice.finalized&result=success",
        "audit?result=failed",
        "audit?q=colour%3Ared",
        f"audit?around={event.id}",
        f"audit?subject={event.subject_id}&session={who.user.pk}",
        f"audit/{ids.encode('audit_event', event.id)}",
        "audit/integrity",
        "security",
        "security/sign-in",
        "security/sessions",
        f"security/sessions/{mine}/end",
        f"security/sessions/members/{ids.encode('member', who.member.pk)}/end",
        "security/keys",
        "security/keys/rotate/documents",
        "security/encryption",
        "jobs",
        f"jobs/{ids.encode('job', job.pk)}",
    ]
    judged = judge(browser, live, [f"/o/{live.slug}/{path}" for path in paths], [cookie])
    assert judged == {}
