"""The addresses of bank statements, under an organization's own."""

from django.urls import path

from web.reconcile import imports, index, line

app_name = "reconcile"
urlpatterns = [
    path("reconcile", index.index, name="lines"),
    path("reconcile/certain", index.certain, name="certain"),
    path("reconcile/match", index.match, name="match"),
    path("reconcile/statements", index.statements, name="statements"),
    path("reconcile/import", imports.index, name="import"),
    path("reconcile/lines/<str:pk>", line.detail, name="line"),
]
