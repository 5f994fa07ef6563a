"""The addresses of what hangs on a customer, under an organization's own."""

from django.urls import path

from web.customers import contacts, merging, tax_ids

app_name = "customers"
urlpatterns = [
    path("customers/<str:pk>/contacts", contacts.index, name="contacts"),
    path("customers/<str:pk>/contacts/new", contacts.create, name="new_contact"),
    path("contacts/<str:pk>/edit", contacts.change, name="edit_contact"),
    path("contacts/<str:pk>/remove", contacts.remove, name="remove_contact"),
    path("customers/<str:pk>/tax-id", tax_ids.index, name="tax_id"),
    path("customers/<str:pk>/merge", merging.merge, name="merge"),
    path("customers/<str:pk>/unmerge", merging.unmerge, name="unmerge"),
]
