"""Which lists there are: what each is called, who may see it, which words its address knows, what it can show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.http import QueryDict

from accounts.permissions import Permission
from billing.customers import chosen as customers
from billing.invoices import chosen as invoices


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. One that `stays` is seen on phones too; one that is `fixed` cannot be hidden."""

    code: str
    label: str
    numeric: bool = False
    stays: bool = False
    fixed: bool = False
    shown: bool = True
    # "ascending" or "descending" where the rows stand in the order of this column.
    order: str = ""
    # Where the rows are put into the order of this column, if an index carries that.
    sort_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list."""

    code: str
    label: str
    noun: str
    route: str
    permission: Permission
    names: tuple[str, ...]
    icon: str
    columns: tuple[Column, ...] = field(default=())

    def canonical(self, query: QueryDict | Mapping[str, str]) -> str:
        """Return what of an address narrows the list, always in the same order."""
        kept = QueryDict(mutable=True)
        for name in self.names:
            if value := query.get(name):
                kept[name] = value
        return kept.urlencode()


INVOICES = Listing(
    code="invoices",
    label="Invoices",
    noun="invoice",
    route="billing:invoices",
    permission=Permission.INVOICE_READ,
    names=invoices.NAMES,
    icon="invoice",
    columns=(
        Column(code="number", label="Number", stays=True, fixed=True),
        Column(code="customer", label="Customer"),
        Column(code="standing", label="Status", stays=True, fixed=True),
        Column(code="total", label="Total", numeric=True),
        Column(code="due", label="Due", numeric=True, stays=True),
        Column(code="issued_on", label="Issued"),
        Column(code="due_on", label="Due on"),
        Column(code="late", label="Late by", numeric=True),
        Column(code="currency", label="Currency", shown=False),
    ),
)
CUSTOMERS = Listing(
    code="customers",
    label="Customers",
    noun="customer",
    route="billing:customers",
    permission=Permission.CUSTOMER_READ,
    names=customers.NAMES,
    icon="customers",
    columns=(
        Column(code="name", label="Name", stays=True, fixed=True),
        Column(code="email", label="E-mail address"),
        Column(code="reference", label="Your number"),
        Column(code="due", label="Due", numeric=True, stays=True),
        Column(code="overdue", label="Overdue", numeric=True, stays=True),
        Column(code="open", label="Open invoices", numeric=True),
        Column(code="currency", label="Currency", shown=False),
        Column(code="created_at", label="Added"),
    ),
)
PAYMENTS = Listing(
    code="payments",
    label="Payments",
    noun="payment",
    route="payments:payments",
    permission=Permission.PAYMENT_READ,
    names=(
        "view",
        "q",
        "method",
        "received_from",
        "received_to",
        "customer",
        "invoice",
        "currency",
        "only",
        "sort",
    ),
    icon="payment",
    columns=(
        Column(code="date", label="Date", stays=True, fixed=True),
        Column(code="customer", label="Customer"),
        Column(code="method", label="Method"),
        Column(code="state", label="State", stays=True, fixed=True),
        Column(code="amount", label="Amount", numeric=True, stays=True),
        Column(code="allocated", label="Allocated", numeric=True),
        Column(code="reference", label="Provider reference"),
    ),
)
SUBSCRIPTIONS = Listing(
    code="subscriptions",
    label="Subscriptions",
    noun="subscription",
    route="recurring:subscriptions",
    permission=Permission.SUBSCRIPTION_READ,
    names=("status", "customer", "sort"),
    icon="repeat",
    columns=(
        Column(code="customer", label="Customer", stays=True, fixed=True),
        Column(code="what", label="What"),
        Column(code="period", label="A period", numeric=True, stays=True),
        Column(code="often", label="How often"),
        Column(code="next_on", label="Next invoice"),
        Column(code="status", label="Status", stays=True, fixed=True),
    ),
)
CREDIT_NOTES = Listing(
    code="credit_notes",
    label="Credit notes",
    noun="credit note",
    route="billing:credit_notes",
    permission=Permission.INVOICE_READ,
    names=("q",),
    icon="invoice",
    columns=(
        Column(code="number", label="Number", stays=True, fixed=True),
        Column(code="customer", label="Customer", stays=True),
        Column(code="invoice", label="Invoice"),
        Column(code="reason", label="Why"),
        Column(code="issued_on", label="Issued"),
        Column(code="total", label="Total", numeric=True, stays=True),
    ),
)
REFUNDS = Listing(
    code="refunds",
    label="Refunds",
    noun="refund",
    route="payments:refunds",
    permission=Permission.PAYMENT_READ,
    names=("view", "sort"),
    icon="refund",
    columns=(
        Column(code="customer", label="Customer", stays=True, fixed=True),
        Column(code="asked_by", label="Asked by"),
        Column(code="reason", label="Why"),
        Column(code="state", label="State", stays=True, fixed=True),
        Column(code="created_at", label="Asked"),
        Column(code="amount", label="Amount", numeric=True, stays=True),
    ),
)
PRODUCTS = Listing(
    code="products",
    label="Products",
    noun="product",
    route="recurring:products",
    permission=Permission.PRODUCT_READ,
    names=("state",),
    icon="product",
    columns=(
        Column(code="name", label="Name", stays=True, fixed=True),
        Column(code="code", label="Code"),
        Column(code="kind", label="Kind"),
        Column(code="prices", label="Prices", stays=True),
        Column(code="state", label="State", stays=True, fixed=True),
    ),
)
QUOTES = Listing(
    code="quotes",
    label="Quotes",
    noun="quote",
    route="billing:quotes",
    permission=Permission.INVOICE_READ,
    names=("status", "sort"),
    icon="invoice",
    columns=(
        Column(code="number", label="Number", stays=True, fixed=True),
        Column(code="customer", label="Customer"),
        Column(code="status", label="Status", stays=True, fixed=True),
        Column(code="valid_until", label="Valid through"),
        Column(code="total", label="Total", numeric=True, stays=True),
    ),
)
ALL: Mapping[str, Listing] = {
    each.code: each
    for each in (INVOICES, CUSTOMERS, PAYMENTS, SUBSCRIPTIONS, CREDIT_NOTES, REFUNDS, PRODUCTS, QUOTES)
}
