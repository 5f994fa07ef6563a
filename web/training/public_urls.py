"""Where anybody can see whether a certificate is genuine."""

from django.urls import path

from web.training import checking

app_name = "certificates"
urlpatterns = [
    path("", checking.ask, name="ask"),
    path("/<str:code>", checking.show, name="show"),
]
