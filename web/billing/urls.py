"""The addresses of billing, under an organization's own."""

from django.urls import path

from web.billing import (
    bank_account,
    customer,
    customers,
    drafts,
    grants,
    imports,
    invoice,
    invoices,
    organization,
    sending,
    tax_rates,
)

app_name = "billing"
urlpatterns = [
    path("invoices", invoices.index, name="invoices"),
    path("invoices/new", drafts.create, name="new_invoice"),
    path("invoices/totals", drafts.totals, name="totals"),
    path("invoices/<str:pk>", invoice.detail, name="invoice"),
    path("invoices/<str:pk>/timeline", invoice.timeline, name="invoice_timeline"),
    path("invoices/<str:pk>/access", invoice.access_history, name="invoice_access"),
    path("invoices/<str:pk>/pdf", invoice.download, name="invoice_pdf"),
    path("invoices/<str:pk>/edit", drafts.change, name="edit_invoice"),
    path("invoices/<str:pk>/finalize", invoice.finalize, name="finalize"),
    path("invoices/<str:pk>/send", sending.send, name="send_invoice"),
    path("invoices/<str:pk>/pay-link", sending.pay_link, name="pay_link"),
    path("invoices/<str:pk>/void", invoice.void, name="void"),
    path("invoices/<str:pk>/discard", invoice.discard, name="discard"),
    path("customers", customers.index, name="customers"),
    path("customers/new", customers.create, name="new_customer"),
    path("customers/<str:pk>", customer.detail, name="customer"),
    path("customers/<str:pk>/access", customer.access_history, name="customer_access"),
    path("customers/<str:pk>/grants", grants.index, name="grants"),
    path("customers/<str:pk>/grants/end", grants.end, name="end_grant"),
    path("customers/<str:pk>/edit", customers.change, name="edit_customer"),
    path("customers/<str:pk>/archive", customers.archive, name="archive_customer"),
    path("customers/<str:pk>/restore", customers.restore, name="restore_customer"),
    path("settings/organization", organization.index, name="organization"),
    path("settings/bank-account", bank_account.index, name="bank_account"),
    path("settings/bank-account/change", bank_account.change, name="change_bank_account"),
    path("settings/bank-account/cancel", bank_account.cancel, name="cancel_bank_account"),
    path("settings/tax-rates", tax_rates.index, name="tax_rates"),
    path("settings/tax-rates/new", tax_rates.create, name="new_tax_rate"),
    path("settings/tax-rates/<str:pk>", tax_rates.detail, name="tax_rate"),
    path("settings/tax-rates/<str:pk>/supersede", tax_rates.supersede, name="supersede_tax_rate"),
    path("import", imports.index, name="import"),
]
