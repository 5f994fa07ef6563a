"""The addresses of arranging lists and of doing something to many rows, under an organization's own."""

from django.urls import path

from web.lists import arranging, bulk

app_name = "lists"
urlpatterns = [
    path("invoices/selected", bulk.invoices, name="invoices_selected"),
    path("customers/selected", bulk.customers_, name="customers_selected"),
    path("invoices/selected/<str:pk>", bulk.selection, {"listing": "invoices"}, name="invoices_selection"),
    path("customers/selected/<str:pk>", bulk.selection, {"listing": "customers"}, name="customers_selection"),
    path("lists/<str:listing>/columns", arranging.columns, name="columns"),
    path("lists/<str:listing>/views/new", arranging.new_view, name="new_view"),
    path("lists/<str:listing>/views/<str:pk>", arranging.view, name="view"),
]
