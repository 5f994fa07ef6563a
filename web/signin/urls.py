"""The addresses of the entrance."""

from django.urls import path

import edge.addresses  # noqa: F401  it makes <organization:slug> known
from web.signin import factor, invitation, password, places, recovery

app_name = "signin"
urlpatterns = [
    path("", places.root, name="root"),
    path("login", password.login, name="login"),
    path("login/passkey", password.begin_passkey, name="begin_passkey"),
    path("login/mfa", factor.mfa, name="mfa"),
    path("login/mfa/passkey", factor.begin_passkey, name="mfa_begin_passkey"),
    path("login/mfa/passkey/new", factor.begin_new_passkey, name="begin_new_passkey"),
    path("logout", password.logout, name="logout"),
    path("step-up", factor.step_up, name="step_up"),
    path("invite/<str:token>", invitation.accept, name="invitation"),
    path("recover", recovery.ask, name="recover"),
    path("recover/sent", recovery.sent, name="recover_sent"),
    path("recover/<str:token>", recovery.renew, name="renew"),
    path("select", places.select, name="select"),
    path("o/<organization:slug>/", places.home, name="home"),
]
