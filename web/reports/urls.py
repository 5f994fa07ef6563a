"""The addresses of reports, under an organization's own."""

from django.urls import path

from web.reports import rows, statement, views

app_name = "reports"
urlpatterns = [
    path("reports", views.index, name="index"),
    path("customers/<str:pk>/statement", statement.page, name="statement"),
    path("customers/<str:pk>/statement.pdf", statement.as_pdf, name="statement_pdf"),
    path("customers/<str:pk>/statement.csv", statement.as_csv, name="statement_csv"),
]
for code in views.BUILDS:
    urlpatterns += [
        path(f"reports/{code}", views.page(code), name=code),
        path(f"reports/{code}.pdf", views.as_pdf(code), name=f"{code}_pdf"),
        path(f"reports/{code}.csv", views.as_csv(code), name=f"{code}_csv"),
    ]
for code in rows.TITLES:
    urlpatterns += [
        path(f"reports/{code}/rows", rows.page(code), name=f"{code}_rows"),
        path(f"reports/{code}/rows.csv", rows.as_csv(code), name=f"{code}_rows_csv"),
    ]
