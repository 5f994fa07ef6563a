"""Rows and forms for the component page: every state of every component, with names long enough to hurt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django import forms

from web.charts import bars, spark, stacked, strip
from web.kit import forms as kit_forms
from web.kit import parts
from web.kit.status import STATUS

NOW = datetime(2026, 9, 14, 9, 41, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """A row of the sample list."""

    number: str
    customer: str
    standing: str
    total_minor: int
    due_minor: int
    due_on: date
    late_by: str = ""
    url: str = "#rows"


INVOICES = [
    InvoiceRow(
        "2026-000418", "Nordwind Logistik GmbH", "overdue", 1_284_050, 1_284_050, date(2026, 8, 14), "31 days"
    ),
    InvoiceRow(
        "2026-000417",
        "Łódzkie Zakłady Metalowe Sp. z o.o.",
        "partially_paid",
        362_000,
        112_000,
        date(2026, 9, 20),
    ),
    InvoiceRow("2026-000416", "Atelier Dvořák & filles", "due_soon", 48_990, 48_990, date(2026, 9, 16)),
    InvoiceRow("2026-000415", "Meridian Health Partners", "open", 2_150_000, 2_150_000, date(2026, 10, 1)),
    InvoiceRow("2026-000414", "Kestrel Software Ltd", "paid", 99_900, 0, date(2026, 8, 31)),
    InvoiceRow("2026-000413", "Blue Door Bakery", "disputed", 15_475, 15_475, date(2026, 9, 2), "12 days"),
    InvoiceRow("No number yet", "Casa Verde Imóveis", "draft", -24_000, 0, date(2026, 9, 30)),
]
TOTAL_MINOR = sum(row.total_minor for row in INVOICES)
DUE_MINOR = sum(row.due_minor for row in INVOICES)

TIMELINE = [
    parts.Entry(
        NOW - timedelta(minutes=2),
        "Ana Ruiz recorded a payment of €2,500.00",
        "Bank transfer, value date 11 Sept",
        "ok",
    ),
    parts.Entry(NOW - timedelta(days=1), "The first reminder was sent to two contacts", "", "warn"),
    parts.Entry(
        NOW - timedelta(days=2),
        "The payment by card failed",
        "The bank declined it; nothing was charged",
        "bad",
    ),
    parts.Entry(NOW - timedelta(days=31), "Tom Okafor finalized invoice 2026-000417", "", ""),
]

TABS = [
    parts.Tab("All", "?", False, 12_430),
    parts.Tab("Overdue", "?view=overdue", True, 38),
    parts.Tab("Due soon", "?view=due-soon", False, 112),
    parts.Tab("Drafts", "?view=draft", False, 7),
    parts.Tab("Disputed", "?view=disputed", False, 1),
]
CHIPS = [
    parts.Chip("Customer: Nordwind Logistik GmbH", "?due_before=2026-09-30"),
    parts.Chip("Due before 30 Sept 2026", "?customer=cus_1"),
]
PAGE = parts.CursorPage(shown=50, first=51, total=12_430, next_url="?cursor=b", previous_url="?cursor=a")

_WEEKS = (412, 388, 505, 610, 290, 455, 540, 498, 620, 702, 588, 240)
COLLECTED = bars.BarChart(
    title="Collected by week",
    summary="Collected by week, twelve weeks: between €29,000 and €70,200, the running week €24,000 so far.",
    bars=[
        bars.Bar(f"W{27 + index}", value * 10_000, f"€{value / 10:.1f}k", partial=index == len(_WEEKS) - 1)
        for index, value in enumerate(_WEEKS)
    ],
    head=("Week", "Collected"),
    note="12 weeks to 14 Sept",
    threshold=bars.Threshold(5_500_000, "Plan €55k"),
)
AGING = stacked.StackedBar(
    title="Outstanding by age",
    summary="Outstanding by age: most is not yet due.",
    parts=[
        stacked.Part("Not due", 21_989_900, "€219,899.00", 1, "#main"),
        stacked.Part("1–30 days", 6_120_000, "€61,200.00", 3, "#main"),
        stacked.Part("31–60 days", 2_284_050, "€22,840.50", 4, "#main"),
        stacked.Part("Over 60 days", 815_475, "€8,154.75", 6, "#main"),
    ],
    head=("Age", "Outstanding"),
)
SPARK = spark.Spark(
    "Rising from 12 to 31 over twelve weeks", [12, 14, 13, 17, 16, 19, 22, 21, 25, 24, 28, 31]
)
_BAD_DAYS: dict[int, strip.DayState] = {12: "bad", 13: "bad", 41: "warn", 70: "warn", 71: "warn"}
BACKUPS = strip.DayStrip(
    title="Backups",
    days=[
        strip.Day(
            date(2026, 6, 17) + timedelta(days=index), _BAD_DAYS.get(index, "none" if index < 4 else "ok")
        )
        for index in range(90)
    ],
    note="90 days",
)
HITS = [
    {
        "id": 1, "kind": "Invoice", "icon": "invoice", "title": "2026-000417",
        "detail": "Łódzkie Zakłady Metalowe Sp. z o.o.", "status": ("invoice_standing", "overdue"),
        "amount_minor": 362_000, "currency": "PLN", "keys": "",
    },
    {
        "id": 2, "kind": "Customer", "icon": "customers", "title": "Nordwind Logistik GmbH", "detail": "C-1042",
        "note": "Exact match", "status": ("customer", "active"), "amount_minor": None, "keys": "",
    },
    {"kind": "Billing", "icon": "payment", "title": "Payments", "keys": "p", "amount_minor": None},
]  # fmt: skip
STATUSES = [(kind, list(values)) for kind, values in STATUS.items() if kind != "integrity"]
INTEGRITY = [
    ("verified", "all 128,440 entries, to #128440, 2 min ago"),
    ("checking", "41 %"),
    ("stale", "last full check 26 h ago"),
    ("gap", "entries 90,112–90,118 missing"),
    ("broken", "entry 90,113 does not match its seal"),
]

SHELL = parts.Shell(
    organization="Harbour & Finch Ltd",
    home_url="#",
    sandbox=True,
    organizations=[
        parts.OrganizationChoice("Harbour & Finch Ltd", "#", "Owner", current=True),
        parts.OrganizationChoice("Meridian Health Partners", "#", "Accountant"),
    ],
    person="Ana Ruiz",
    role="Billing manager",
    navigation=[
        parts.NavGroup(
            "",
            [
                parts.NavItem("Overview", "#", "overview"),
                parts.NavItem("Invoices", "#", "invoice", current=True, count=38, tint="bad"),
                parts.NavItem("Customers", "#", "customers"),
                parts.NavItem("Payments", "#", "payment"),
                parts.NavItem("Subscriptions", "#", "repeat"),
                parts.NavItem("Products", "#", "product"),
                parts.NavItem("Approvals", "#", "approval", count=2),
                parts.NavItem("Reports", "#", "report"),
            ],
        ),
        parts.NavGroup(
            "Trust",
            [
                parts.NavItem("Security", "#", "shield"),
                parts.NavItem("Audit trail", "#", "audit"),
                parts.NavItem("Alerts", "#", "bell", count=1, tint="bad"),
                parts.NavItem("Compliance", "#", "compliance"),
                parts.NavItem("Training", "#", "training"),
            ],
        ),
        parts.NavGroup(
            "Organization",
            [parts.NavItem("Settings", "#", "settings"), parts.NavItem("Developers", "#", "code")],
        ),
    ],
    strips=[
        parts.Strip("This is a sandbox. Nothing here moves real money.", "info", "#", "What is different")
    ],
    person_links=[
        parts.NavItem("Your profile", "#", "person"),
        parts.NavItem("Your sign-in", "#", "key"),
        parts.NavItem("Your training", "#", "training"),
    ],
    sign_out_url="#",
    help_url="#",
)


class SampleForm(kit_forms.Form):
    """A form with one field of every kind."""

    name = forms.CharField(
        label="Customer name", help_text="As it stands in the register; it is printed on invoices."
    )
    email = forms.EmailField(
        label="E-mail for invoices", widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    reference = forms.CharField(label="Your reference", required=False)
    amount = kit_forms.AmountField(
        label="Amount received", help_text="1,234.56 and 1.234,56 are both understood."
    )
    due_on = forms.DateField(label="Due on")
    terms = forms.ChoiceField(
        label="Terms", choices=[("14", "14 days"), ("30", "30 days"), ("60", "60 days")]
    )
    code = forms.CharField(
        label="Code from your authenticator", help_text="Six digits; they change every 30 seconds."
    )
    reason = forms.CharField(
        label="Reason", widget=forms.Textarea(attrs={"rows": 3}), help_text="Stands in the audit trail."
    )
    channel = forms.ChoiceField(
        label="Send by",
        choices=[("mail", "E-mail"), ("post", "Post"), ("none", "Not at all")],
        widget=forms.RadioSelect,
    )
    parts = forms.MultipleChoiceField(
        label="Columns",
        choices=[("a", "Number"), ("b", "Customer"), ("c", "Total")],
        widget=forms.CheckboxSelectMultiple,
    )
    remind = forms.BooleanField(
        label="Remind on the due date", required=False, help_text="The customer's contacts get one mail."
    )
    document = forms.FileField(label="Proof", required=False)
    disabled = forms.CharField(label="Country", disabled=True, initial="Portugal", required=False)


class FilterForm(kit_forms.Form):
    """The filters of the sample list."""

    q = forms.CharField(
        label="Search",
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Number or customer"}),
    )
    status = forms.ChoiceField(
        label="Status", required=False, choices=[("", "Any"), ("overdue", "Overdue"), ("paid", "Paid")]
    )
    due_before = forms.DateField(label="Due before", required=False)
