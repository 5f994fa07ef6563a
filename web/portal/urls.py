"""The addresses of a customer's portal, under an organization's own."""

from django.urls import path

from web.portal import (
    autopay,
    bank,
    contacts,
    invoices,
    methods,
    pay,
    payments,
    privacy,
    quotes,
    statements,
)

app_name = "portal"
urlpatterns = [
    path("", invoices.home, name="home"),
    path("pay", pay.pay, name="pay"),
    path("pay/total", pay.total, name="total"),
    path("invoices/<str:pk>", invoices.detail, name="invoice"),
    path("invoices/<str:pk>/invoice.pdf", invoices.invoice_pdf, name="invoice_pdf"),
    path("credit-notes/<str:pk>/credit-note.pdf", invoices.credit_note_pdf, name="credit_note_pdf"),
    path("quotes", quotes.index, name="quotes"),
    path("quotes/<str:pk>", quotes.detail, name="quote"),
    path("quotes/<str:pk>/quote.pdf", quotes.quote_pdf, name="quote_pdf"),
    path("payments", payments.index, name="payments"),
    path("payments/<str:pk>", payments.detail, name="payment"),
    path("payments/<str:pk>/confirm", payments.confirm, name="confirm_payment"),
    path("payments/<str:pk>/state", payments.state, name="payment_state"),
    path("payments/<str:pk>/receipt.pdf", payments.receipt_pdf, name="receipt_pdf"),
    path("statements", statements.index, name="statements"),
    path("statements/statement.pdf", statements.as_pdf, name="statement_pdf"),
    path("statements/statement.csv", statements.as_csv, name="statement_csv"),
    path("methods", methods.index, name="methods"),
    path("methods/saved", methods.saved, name="method_saved"),
    path("methods/new/<str:kind>", methods.add, name="add_method"),
    path("methods/<str:pk>/usual", methods.make_default, name="usual_method"),
    path("methods/<str:pk>/remove", methods.remove, name="remove_method"),
    path("automatic-payment", autopay.index, name="autopay"),
    path("automatic-payment/on", autopay.start, name="start_autopay"),
    path("automatic-payment/<str:currency>/off", autopay.stop, name="stop_autopay"),
    path("bank-details", bank.index, name="bank"),
    path("contacts", contacts.index, name="contacts"),
    path("contacts/<str:pk>/remove", contacts.remove, name="remove_contact"),
    path("privacy", privacy.index, name="privacy"),
    path("privacy/ask", privacy.ask, name="ask_privacy"),
    path("privacy/<str:pk>/data.zip", privacy.fetch, name="privacy_file"),
    path("privacy/<str:pk>/withdraw", privacy.withdraw, name="withdraw_privacy"),
]
