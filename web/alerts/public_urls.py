"""The address behind the link that asks somebody whether it was them."""

from django.urls import path

from web.alerts import asked

app_name = "asked"
urlpatterns = [path("<str:token>", asked.show, name="question")]
