"""The addresses that ask somebody whether it was them: signed in, and behind the link of a mail."""

from django.urls import path

from web.alerts import asked

app_name = "asked"
urlpatterns = [path("", asked.mine, name="mine"), path("<str:token>", asked.show, name="question")]
