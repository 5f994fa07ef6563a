"""The addresses of the books, under an organization's own."""

from django.urls import path

from web.books import accounts, close, journal, rates, trial

app_name = "books"
urlpatterns = [
    path("close", close.index, name="close"),
    path("close/<str:month>", close.month, name="close_month"),
    path("close/<str:month>/reopen", close.reopen, name="reopen_month"),
    path("ledger", trial.index, name="ledger"),
    path("ledger/trial.csv", trial.download, name="trial_csv"),
    path("ledger/journal", journal.index, name="journal"),
    path("ledger/journal.csv", journal.download, name="journal_csv"),
    path("ledger/accounts", accounts.index, name="accounts"),
    path("ledger/accounts/new", accounts.create, name="new_account"),
    path("ledger/accounts/<str:pk>", accounts.detail, name="account"),
    path("ledger/accounts/<str:pk>/edit", accounts.change, name="edit_account"),
    path("ledger/transactions/<str:pk>", accounts.transaction, name="transaction"),
    path("exchange-rates", rates.index, name="rates"),
    path("exchange-rates/new", rates.create, name="new_rate"),
    path("exchange-rates/upload", rates.upload, name="upload_rates"),
]
