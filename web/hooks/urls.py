"""The addresses at which payment providers reach us."""

from django.urls import path

from web.hooks import stripe

app_name = "hooks"
urlpatterns = [path("stripe/<str:token>", stripe.receive, name="stripe")]
