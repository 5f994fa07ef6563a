"""The addresses behind a pay link."""

from django.urls import path

from web.pay import joining, page, renewal, result

app_name = "pay"
urlpatterns = [
    path("renewed", renewal.renewed, name="renewed"),
    path("invited", joining.invited, name="invited"),
    path("<str:token>", page.show, name="page"),
    path("<str:token>/result", result.show, name="result"),
    path("<str:token>/state", result.state, name="state"),
    path("<str:token>/invoice.pdf", page.invoice_pdf, name="invoice_pdf"),
    path("<str:token>/receipt.pdf", page.receipt_pdf, name="receipt_pdf"),
    path("<str:token>/renew", renewal.ask, name="renew"),
    path("<str:token>/join", joining.ask, name="join"),
]
