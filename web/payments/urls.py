"""The addresses of payments, under an organization's own."""

from django.urls import path

from web.payments import credit, disputes, index, payment, record, refunds, sides, stopping, unmatched

app_name = "payments"
urlpatterns = [
    path("payments", index.index, name="payments"),
    path("payments/new", record.create, name="new"),
    path("payments/unmatched", unmatched.index, name="unmatched"),
    path("payments/<str:pk>", payment.detail, name="payment"),
    path("payments/<str:pk>/access", payment.access_history, name="payment_access"),
    path("payments/<str:pk>/reverse", payment.reverse_payment, name="reverse"),
    path("payments/<str:pk>/release", payment.release, name="release"),
    path("payments/<str:pk>/refund", refunds.create, name="new_refund"),
    path("payments/<str:pk>/stop", stopping.stop, name="stop"),
    path("payments/<str:pk>/resolve", unmatched.resolve, name="resolve"),
    path("refunds", refunds.index, name="refunds"),
    path("refunds/<str:pk>", refunds.detail, name="refund"),
    path("refunds/<str:pk>/cancel", refunds.cancel, name="cancel_refund"),
    path("refunds/<str:pk>/payout", refunds.pay_out, name="pay_out"),
    path("disputes", disputes.index, name="disputes"),
    path("disputes/<str:pk>", disputes.detail, name="dispute"),
    path("disputes/<str:pk>/answer", disputes.answer, name="answer_dispute"),
    path("disputes/<str:pk>/accept", disputes.accept, name="accept_dispute"),
    path("invoices/<str:pk>/payments", sides.invoice, name="invoice_payments"),
    path("customers/<str:pk>/payments", sides.customer, name="customer_payments"),
    path("customers/<str:pk>/credit", credit.allocate, name="credit"),
]
