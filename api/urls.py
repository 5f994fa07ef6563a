"""Every address of the API. What changes a record's state is an address of its own, never a field."""

from django.urls import path

from api import docs, schema
from api.v1 import (
    allocations,
    audit_events,
    customers,
    events,
    invoices,
    jobs,
    payment_methods,
    payments,
    tax_rates,
    webhook_deliveries,
    webhook_endpoints,
)

app_name = "api"
urlpatterns = [
    path("openapi.json", schema.openapi, name="openapi"),
    path("docs", docs.reference, name="docs"),
    path("allocations", allocations.Allocations.as_view(), name="allocations"),
    path("allocations/<str:pk>", allocations.OneAllocation.as_view(), name="allocation"),
    path("allocations/<str:pk>/release", allocations.Released.as_view(), name="allocation_release"),
    path("audit_events", audit_events.AuditEvents.as_view(), name="audit_events"),
    path("audit_events/<str:pk>", audit_events.OneAuditEvent.as_view(), name="audit_event"),
    path("customers", customers.Customers.as_view(), name="customers"),
    path("customers/<str:pk>", customers.OneCustomer.as_view(), name="customer"),
    path("customers/<str:pk>/archive", customers.Archived.as_view(), name="customer_archive"),
    path("customers/<str:pk>/restore", customers.Restored.as_view(), name="customer_restore"),
    path("events", events.Events.as_view(), name="events"),
    path("events/<str:pk>", events.OneEvent.as_view(), name="event"),
    path("invoices", invoices.Invoices.as_view(), name="invoices"),
    path("invoices/<str:pk>", invoices.OneInvoice.as_view(), name="invoice"),
    path("invoices/<str:pk>/finalize", invoices.Finalized.as_view(), name="invoice_finalize"),
    path("invoices/<str:pk>/lines", invoices.Lines.as_view(), name="invoice_lines"),
    path("invoices/<str:pk>/pdf", invoices.Pdf.as_view(), name="invoice_pdf"),
    path("invoices/<str:pk>/void", invoices.Voided.as_view(), name="invoice_void"),
    path("jobs", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/<str:pk>", jobs.OneJob.as_view(), name="job"),
    path("payment_methods", payment_methods.PaymentMethods.as_view(), name="payment_methods"),
    path("payment_methods/<str:pk>", payment_methods.OnePaymentMethod.as_view(), name="payment_method"),
    path("payment_methods/<str:pk>/remove", payment_methods.Removed.as_view(), name="payment_method_remove"),
    path("payments", payments.Payments.as_view(), name="payments"),
    path("payments/<str:pk>", payments.OnePayment.as_view(), name="payment"),
    path("tax_rates", tax_rates.TaxRates.as_view(), name="tax_rates"),
    path("tax_rates/<str:pk>", tax_rates.OneTaxRate.as_view(), name="tax_rate"),
    path("webhook_deliveries/<str:pk>", webhook_deliveries.OneDelivery.as_view(), name="webhook_delivery"),
    path(
        "webhook_deliveries/<str:pk>/resend",
        webhook_deliveries.Resent.as_view(),
        name="webhook_delivery_resend",
    ),
    path("webhook_endpoints", webhook_endpoints.WebhookEndpoints.as_view(), name="webhook_endpoints"),
    path(
        "webhook_endpoints/<str:pk>",
        webhook_endpoints.OneWebhookEndpoint.as_view(),
        name="webhook_endpoint",
    ),
    path(
        "webhook_endpoints/<str:pk>/deliveries",
        webhook_deliveries.Deliveries.as_view(),
        name="webhook_endpoint_deliveries",
    ),
    path(
        "webhook_endpoints/<str:pk>/disable",
        webhook_endpoints.Disabled.as_view(),
        name="webhook_endpoint_disable",
    ),
    path(
        "webhook_endpoints/<str:pk>/enable",
        webhook_endpoints.Enabled.as_view(),
        name="webhook_endpoint_enable",
    ),
    path("webhook_endpoints/<str:pk>/ping", webhook_endpoints.Pinged.as_view(), name="webhook_endpoint_ping"),
    path(
        "webhook_endpoints/<str:pk>/replay",
        webhook_endpoints.Replayed.as_view(),
        name="webhook_endpoint_replay",
    ),
    path(
        "webhook_endpoints/<str:pk>/rotate",
        webhook_endpoints.RotatedSecret.as_view(),
        name="webhook_endpoint_rotate",
    ),
]
