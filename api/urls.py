"""Every address of the API. What changes a record's state is an address of its own, never a field."""

from django.urls import path

from api import docs, schema
from api.v1 import audit_events, customers, invoices, jobs, tax_rates

app_name = "api"
urlpatterns = [
    path("openapi.json", schema.openapi, name="openapi"),
    path("docs", docs.reference, name="docs"),
    path("audit_events", audit_events.AuditEvents.as_view(), name="audit_events"),
    path("audit_events/<str:pk>", audit_events.OneAuditEvent.as_view(), name="audit_event"),
    path("customers", customers.Customers.as_view(), name="customers"),
    path("customers/<str:pk>", customers.OneCustomer.as_view(), name="customer"),
    path("customers/<str:pk>/archive", customers.Archived.as_view(), name="customer_archive"),
    path("customers/<str:pk>/restore", customers.Restored.as_view(), name="customer_restore"),
    path("invoices", invoices.Invoices.as_view(), name="invoices"),
    path("invoices/<str:pk>", invoices.OneInvoice.as_view(), name="invoice"),
    path("invoices/<str:pk>/finalize", invoices.Finalized.as_view(), name="invoice_finalize"),
    path("invoices/<str:pk>/lines", invoices.Lines.as_view(), name="invoice_lines"),
    path("invoices/<str:pk>/pdf", invoices.Pdf.as_view(), name="invoice_pdf"),
    path("invoices/<str:pk>/void", invoices.Voided.as_view(), name="invoice_void"),
    path("jobs", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/<str:pk>", jobs.OneJob.as_view(), name="job"),
    path("tax_rates", tax_rates.TaxRates.as_view(), name="tax_rates"),
    path("tax_rates/<str:pk>", tax_rates.OneTaxRate.as_view(), name="tax_rate"),
]
