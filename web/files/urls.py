"""The addresses of imports and exports, under an organization's own."""

from django.urls import path

from web.files import exports, imports

app_name = "files"
urlpatterns = [
    path("import/files", imports.index, name="imports"),
    path("import/<str:pk>", imports.detail, name="import"),
    path("import/<str:pk>/refused", imports.refused, name="refused_rows"),
    path("exports", exports.index, name="exports"),
    path("exports/new/<str:listing>", exports.create, name="new_export"),
    path("exports/<str:pk>", exports.detail, name="export"),
    path("exports/<str:pk>/file", exports.fetch, name="export_file"),
    path("exports/<str:pk>/end", exports.end, name="end_export"),
    path("settings/exports", exports.freeze, name="freeze"),
]
