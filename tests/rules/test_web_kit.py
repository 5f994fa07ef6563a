"""How amounts, dates, forms and states are written: exact, and in the reader's language."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django import forms
from django.http import QueryDict
from django.template import Context, Template
from django.utils import timezone, translation

from accounts.models import Membership
from audit.models import Verification
from tenancy.checks import managed_models
from web.charts import bars, spark, stacked, strip
from web.kit import formats, parts
from web.kit import forms as kit_forms
from web.kit.status import STATUS, UnknownStatus, status


@pytest.mark.parametrize(
    ("minor", "currency", "language", "written"),
    [
        (1_284_050, "EUR", "en", "€12,840.50"),
        (-24_000, "EUR", "en", "−€240.00"),
        (1_284_050, "EUR", "de", "12.840,50\u00a0€"),
        (12_345, "JPY", "en", "JP¥12,345"),
        (12_345, "KWD", "en", "KWD\u00a012.345"),
        (
            9_007_199_254_740_993,
            "USD",
            "en",
            "US$90,071,992,547,409.93",
        ),  # beyond what a binary fraction holds
    ],
)
def test_money_is_written_exactly(minor: int, currency: str, language: str, written: str) -> None:
    with translation.override(language):
        assert formats.money(minor, currency) == written


def test_an_amount_leaves_its_currency_to_the_column_head() -> None:
    assert formats.amount(-1_284_050, "EUR") == "−12,840.50"
    assert formats.amount(1_000, "JPY") == "1,000"
    assert formats.amount(1, "KWD") == "0.001"


def test_times_stand_in_the_readers_zone_and_name_utc() -> None:
    at = datetime(2026, 8, 14, 22, 30, 5, tzinfo=UTC)
    with timezone.override("Europe/Berlin"):
        assert formats.day(at) == "15 Aug 2026"
        assert formats.moment(at) == "15 Aug 2026, 00:30"
        printed = Template("{% moment at %}").render(Context({"at": at}))
    assert printed == (
        '<time datetime="2026-08-14T22:30:05+00:00" title="2026-08-14 22:30:05 UTC">15 Aug 2026, 00:30</time>'
    )
    assert formats.day(date(2026, 9, 1)) == "1 Sept 2026"
    assert formats.relative(at - timedelta(minutes=2), at) == "2 minutes ago"


def test_counts_sizes_and_spans_read_as_people_say_them() -> None:
    assert formats.count(1, "invoice") == "1 invoice"
    assert formats.count(1_204, "invoice") == "1,204 invoices"
    assert formats.count(2, "entry", "entries") == "2 entries"
    assert [formats.size(value) for value in (812, 4_100_000, 3_000_000_000_000)] == [
        "812 B",
        "4.1 MB",
        "3 TB",
    ]
    spans = [formats.duration(value) for value in (0, 41, 724, 12_000, 187_200)]
    assert spans == ["0 s", "41 s", "12 min 4 s", "3 h 20 min", "2 d 4 h"]
    assert formats.percent(Decimal("0.1925")) == "19.2\u202f%"
    assert formats.middle("inv_06f8k2m4p9t1v3x5z7b9d1f3h5") == "inv_06f…d1f3h5"
    assert formats.initials("Ana María Ruiz") == "AR"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1,234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1234,5", "1234.5"),
        ("1 234,56", "1234.56"),
        ("1'234.56", "1234.56"),
        ("1.234", "1234"),
        ("1,234", "1234"),
        ("12.5", "12.5"),
        ("−3", "-3"),
    ],
)
def test_an_amount_is_read_as_people_write_it(typed: str, read: str) -> None:
    assert kit_forms.read_amount(typed) == Decimal(read)


@pytest.mark.parametrize("typed", ["", "12,34,56", "1.2.3", "1e3", "NaN", "€5", "1,234.5.6"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        kit_forms.read_amount(typed)


def test_an_amount_that_reads_two_ways_is_refused() -> None:
    with pytest.raises(ValueError, match="ambiguous"):
        kit_forms.read_amount("1,234", decimals=3)


def test_what_our_own_pages_print_of_three_decimals_is_read_back():
    assert kit_forms.read_amount(formats.amount(12_345, "KWD"), decimals=3) == Decimal("12.345")


class _Form(kit_forms.Form):
    amount = kit_forms.AmountField(label="Amount received", currency="EUR")
    email = forms.EmailField(label="E-mail")
    note = forms.CharField(label="Note", required=False)
    tags = forms.MultipleChoiceField(label="Tags", choices=[("a", "A"), ("b", "B")])
    own = forms.CharField(label="Own", error_messages={"required": "Say it."})
    password = forms.CharField(label="Password")


def test_a_number_is_written_with_all_it_has() -> None:
    for value, written in (
        ("5.555555", "5.555555"),
        ("0.0004", "0.0004"),
        ("19.000000", "19"),
        ("1E+3", "1,000"),
    ):
        assert formats.number(Decimal(value)) == written


def test_a_form_says_what_to_do() -> None:
    form = _Form({"email": "ana@", "amount": "0"})
    assert form.errors == {
        "amount": ["Enter an amount above zero."],
        "email": ["Enter an e-mail address like name@example.com."],
        "tags": ["Choose one answer under “Tags”."],
        "own": ["Say it."],
        "password": ["Enter the password."],
    }


def test_an_amount_becomes_minor_units() -> None:
    form = _Form(
        QueryDict("amount=1.250,50&email=a@example.com&tags=a&tags=b&own=x&password=4242424242424242&note=")
    )
    assert form.is_valid(), form.errors
    assert form.cleaned_data["amount"] == 125_050


def test_a_card_number_is_refused_and_not_shown_again() -> None:
    form = _Form(
        QueryDict("amount=1&email=a@example.com&tags=a&tags=b&own=x&password=p&note=4242 4242 4242 4242")
    )
    assert form.errors == {"note": [kit_forms.CARD_NUMBER]}
    assert form["note"].value() == ""
    assert form["tags"].value() == ["a", "b"]
    assert "4242" not in str(form)


# Which kind of the map shows a state that a model keeps; every state of every model is here or in UNSEEN.
KINDS = {
    "accounts.ApprovalRequest.state": "approval",
    "accounts.Membership.state": "member",
    "accounts.User.state": "person",
    "alerts.Alert.severity": "severity",
    "alerts.Alert.state": "alert",
    "alerts.AlertDelivery.state": "alert_delivery",
    "alerts.AlertRule.severity": "severity",
    "audit.Event.result": "result",
    "audit.Verification.state": "integrity",
    "backups.Backup.state": "backup",
    "backups.Copy.state": "backup_copy",
    "backups.Drill.state": "drill",
    "backups.RestoreRequest.state": "restore",
    "billing.AccountingPeriod.state": "period",
    "billing.BankAccount.state": "bank_account",
    "billing.BillingRun.state": "job",
    "billing.Customer.state": "customer",
    "billing.Customer.tax_id_state": "tax_id",
    "billing.Export.state": "export",
    "billing.Import.state": "import",
    "billing.Invoice.payment_status": "payment_status",
    "billing.Invoice.status": "invoice",
    "billing.LedgerAccount.state": "ledger_account",
    "billing.Product.state": "product",
    "billing.Quote.status": "quote",
    "billing.Subscription.status": "subscription",
    "billing.TaxIdCheck.result": "tax_id",
    "compliance.Breach.state": "breach",
    "compliance.ControlException.state": "exception",
    "compliance.EvidencePack.state": "pack",
    "compliance.PrivacyRequest.state": "privacy_request",
    "crypto.DataKey.state": "data_key",
    "crypto.TenantKey.state": "data_key",
    "outbound.WebhookDelivery.state": "webhook_delivery",
    "outbound.WebhookEndpoint.state": "webhook_endpoint",
    "patching.Check.state": "patch_state",
    "patching.Component.state": "patch_state",
    "patching.Finding.severity": "patch_severity",
    "patching.Finding.status": "patch_finding",
    "payments.Attempt.state": "attempt",
    "payments.Dispute.state": "dispute",
    "payments.GatewayAccount.state": "gateway",
    "payments.Payment.state": "payment",
    "payments.PaymentMethod.state": "payment_method",
    "payments.Refund.state": "refund",
    "payments.Reminder.state": "reminder",
    "payments.ReminderPlan.state": "reminder_plan",
    "payments.StatementLine.state": "statement_line",
    "tenancy.Job.state": "job",
    "tenancy.Tenant.state": "organization",
    "training.Assignment.state": "training",
    "training.Attempt.state": "training_try",
    "training.Module.state": "training_module",
    "training.PracticeCampaign.state": "practice",
    "training.PracticeResult.state": "practice_result",
    "training.SuspiciousMessage.state": "suspicious_message",
}
# States that no page shows by themselves, and what is shown in their place.
UNSEEN = {
    "alerts.AlertChannel.state": "whether it works: alert_channel",
    "alerts.AuditStream.state": "whether it keeps up: audit_stream",
    "audit.Bundle.state": "the event of the export",
    "billing.Contact.state": "former contacts stand in an export alone",
    "compliance.Closing.state": "the command prints it",
    "compliance.WordsFound.state": "a sentence with the day",
    "outbound.OutboxMessage.state": "the event of the mail",
    "outbound.StoredFile.state": "the state of the export, import or document",
    "payments.AutopayRun.state": "the state of its payment",
    "payments.HookReceipt.state": "the state of what it tells of",
}


def states() -> dict[str, set[str]]:
    """Return the values of every field of a model of ours that keeps a state."""
    return {
        f"{model._meta.label}.{field.name}": {str(value) for value, _ in field.choices if value}
        for model in managed_models()
        for field in model._meta.concrete_fields
        if field.choices and re.search(r"(state|status|result|severity)$", field.name)
    }


def test_every_state_has_a_word_a_shape_and_a_tint() -> None:
    """The states come from the models that are installed: a new one, or a new value, is named here."""
    found = states()
    assert sorted(set(found) ^ {*KINDS, *UNSEEN}) == []
    assert {
        label: values - set(STATUS[KINDS[label]]) for label, values in found.items() if label in KINDS
    } == {label: set() for label in KINDS}


def test_every_kind_that_a_page_shows_is_in_the_map() -> None:
    """Every kind that a template or a list names, and none that nothing shows."""
    home = Path(__file__).resolve().parents[2]
    sources = [path.read_text() for path in (home / "templates").rglob("*.html")]
    sources += [path.read_text() for path in (home / "web").rglob("*.py") if path.name != "status.py"]
    named = {
        kind
        for text in sources
        for pattern in (r'status_tag "(\w+)"', r'cells\.tag\(\s*"(\w+)"')
        for kind in re.findall(pattern, text)
    }
    assert named - set(STATUS) == set()


def test_a_member_is_also_shown_before_the_invitation_is_taken() -> None:
    assert set(STATUS["member"]) == {*Membership.State.values, "invited"}


def test_a_verification_that_is_old_is_shown_as_stale() -> None:
    assert set(STATUS["integrity"]) == {*Verification.State.values, "stale", "unchecked"}


def test_no_two_states_of_a_kind_look_the_same_in_words() -> None:
    for kind, states in STATUS.items():
        words = [shown.word for shown in states.values()]
        assert len(set(words)) == len(words), kind
    with pytest.raises(UnknownStatus):
        status("invoice", "PAST_DUE")


def test_values_are_escaped_wherever_they_are_shown() -> None:
    evil = '"><script>alert(1)</script>'
    printed = Template(
        "{% button evil href=evil %}{% identifier evil %}{% callout 'bad' evil %}{{ evil }}"
        "{% endcallout %}"
        "{% fact evil %}{{ evil }}{% endfact %}{% table caption=evil %}{% endtable %}"
        "{% empty evil %}{% endempty %}"
        "{% secret evil label=evil %}{% tile evil evil hint=evil url=evil %}{% tabs tabs label=evil %}"
        "{% timeline entries label=evil %}{% progress 1 2 label=evil %}{% copy text=evil %}{% section evil %}"
        "{% endsection %}{% menu evil %}{% endmenu %}{% chips chips clear_url=evil %}{% lines names %}"
        "{% chart chart %}"
    ).render(
        Context(
            {
                "evil": evil,
                "tabs": [parts.Tab(evil, evil)],
                "entries": [parts.Entry(datetime(2026, 1, 1, tzinfo=UTC), evil, evil)],
                "chips": [parts.Chip(evil, evil)],
                "names": [evil],
                "chart": bars.BarChart(evil, evil, [bars.Bar(evil, 1, evil)], (evil, evil)),
            }
        )
    )
    assert "<script" not in printed
    assert '"">' not in printed.replace('data-strong="">', "")


def test_bars_begin_at_zero_and_keep_their_proportion() -> None:
    chart = bars.BarChart("T", "S", [bars.Bar("a", 50, "50"), bars.Bar("b", 100, "100")], ("x", "y"))
    small, large = chart.drawn
    assert (small.height, large.height) == (74, 148)
    assert small.y + small.height == large.y + large.height == chart.base
    assert bars.BarChart("T", "S", [], ("x", "y")).drawn == []
    # Of many bars the words at the highest give way on a phone to those at an end, when they would run into them.
    for highest, crowded in ((0, False), (3, True), (6, False), (9, True), (11, False)):
        twelve = [bars.Bar(str(at), 2 if at == highest else 1, "") for at in range(12)]
        drawn = bars.BarChart("T", "S", twelve, ("x", "y")).drawn[highest]
        assert (drawn.label_shown, drawn.crowded) == (True, crowded)


def test_a_small_part_is_still_seen_and_the_whole_is_full() -> None:
    chart = stacked.StackedBar(
        "T",
        "S",
        [stacked.Part("a", 99_999, "a", 1), stacked.Part("b", 1, "b", 2), stacked.Part("c", 0, "c", 3)],
        ("x", "y"),
    )
    assert [place.part.label for place in chart.drawn] == ["a", "b"]
    assert [place.width for place in chart.drawn] == ["99.404%", "0.596%"]
    assert [(row.label, row.display) for row in chart.rows] == [("a", "a"), ("b", "b"), ("c", "c")]


def test_a_sparkline_and_a_strip_tell_in_words_what_they_draw() -> None:
    assert spark.Spark("S", [1, 3, 2]).points == "0.00,22.00 50.00,2.00 100.00,12.00"
    days = [strip.Day(date(2026, 1, 1 + index), state) for index, state in enumerate(("ok", "bad", "ok"))]
    assert strip.DayStrip("Backups", days).summary == "Backups, 3 days: in order 2, wrong 1"
