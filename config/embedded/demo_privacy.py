"""People who ask about their data, a hold and a breach that ended, so that no page of privacy is empty in the demo."""

from datetime import timedelta

from billing.customers.models import Customer
from compliance.breaches import services as breaches
from compliance.requests import services as requests
from compliance.requests.words import Asked
from compliance.retention import services as retention
from core import clock
from core.actor import Actor
from tenancy.context import Scope, scope
from tenancy.models import Tenant


def fill(tenant: Tenant, owner: Actor) -> None:
    """Take requests in at different stages, and keep a register."""
    at = clock.now()
    today = at.date()
    with scope(Scope(tenant.pk)):
        keys = list(
            Customer.objects.filter(merged_into__isnull=True).order_by("-id").values_list("pk", flat=True)[:6]
        )
        for number, (kind, days, words) in enumerate(
            (
                ("access", 27, "Please send me everything you hold about us."),
                ("rectification", 12, "We moved: the new address is on our website."),
                ("portability", 3, "We would like to take our data along."),
                ("erasure", 20, "Please delete our old account."),
                ("objection", 40, "Do not use our data for reminders by phone."),
            )
        ):
            row = requests.open_request(
                asked=Asked(
                    kind=kind,
                    customer_id=keys[number],
                    words=words,
                    received_on=today - timedelta(days=days),
                ),
                actor=owner,
                at=at,
            )
            if number in (1, 3):
                requests.verify(request_id=row.pk, identity="known_address", actor=owner, at=at)
            if number == 1:
                requests.answer(
                    request_id=row.pk, text="Your address is corrected as of today.", actor=owner, at=at
                )
            if number == 4:
                requests.refuse(
                    request_id=row.pk,
                    refusal="nothing_held",
                    text="We remind nobody by phone, and hold no data for it.",
                    actor=owner,
                    at=at,
                )
        retention.place_hold(
            customer_id=keys[5], reason="Court case about the delivery of last autumn", actor=owner, at=at
        )
        found = breaches.Found(
            title="Statement sent to the wrong address",
            kind="confidentiality",
            facts="One statement of account went to a former contact of the same customer.",
            aware_at=at - timedelta(days=9),
            began_at=at - timedelta(days=9, hours=3),
            ended_at=at - timedelta(days=9, hours=2),
        )
        breach = breaches.open_breach(found=found, actor=owner, at=at)
        breaches.judge(
            breach_id=breach.pk,
            risk="unlikely",
            text="The receiver deleted it and knew the figures before.",
            actor=owner,
            at=at,
        )
        breaches.close(
            breach_id=breach.pk, text="The contact was removed; nothing more to do.", actor=owner, at=at
        )
    retention.run(tenant_id=tenant.pk, actor=owner, now=clock.now)
