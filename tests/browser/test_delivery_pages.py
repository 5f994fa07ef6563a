"""Every page of channels and streams: readable by all, in both themes, under the policy, narrow enough."""

from playwright.sync_api import Browser

from core import ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import delivery


def test_nothing_is_wrong_with_the_pages_of_channels_and_streams(browser: Browser, live: Live) -> None:
    who = live.person()
    empty = [f"/o/{live.slug}/{path}" for path in ("alerts/channels", "audit/streams")]
    assert judge(browser, live, empty, [live.cookie(who)]) == {}
    with scope(Scope(live.tenant)):
        made = delivery.everything()
    mail, webhook, syslog = (
        ids.encode("alert_channel", one.pk) for one in (made.mail, made.webhook, made.syslog)
    )
    stream, paused = (ids.encode("audit_stream", one.pk) for one in (made.stream, made.paused))
    paths = [
        "alerts/channels", "alerts/channels/new", "alerts/channels/new?kind=webhook",
        f"alerts/channels/{mail}", f"alerts/channels/{webhook}", f"alerts/channels/{syslog}",
        f"alerts/channels/{syslog}/change", f"alerts/channels/{webhook}/rotate",
        f"alerts/channels/{webhook}/disable", f"alerts/channels/{mail}/remove",
        "audit/streams", "audit/streams/new", "audit/streams/new?kind=http", f"audit/streams/{stream}",
        f"audit/streams/{paused}", f"audit/streams/{stream}/change", f"audit/streams/{stream}/pause",
        f"audit/streams/{paused}/remove",
    ]  # fmt: skip
    assert judge(browser, live, [f"/o/{live.slug}/{path}" for path in paths], [live.cookie(who)]) == {}
