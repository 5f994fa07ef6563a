"""The addresses of members, roles and approvals, under an organization's own."""

from django.urls import path

from web.people import approvals, invitations, members, roles

app_name = "people"
urlpatterns = [
    path("approvals", approvals.index, name="approvals"),
    path("approvals/<str:pk>", approvals.detail, name="approval"),
    path("approvals/<str:pk>/withdraw", approvals.withdraw, name="withdraw_approval"),
    path("settings/members", members.index, name="members"),
    path("settings/members/invite", invitations.invite, name="invite"),
    path("settings/members/invitations/<str:pk>/withdraw", invitations.withdraw, name="withdraw_invitation"),
    path("settings/members/<str:pk>", members.detail, name="member"),
    path("settings/members/<str:pk>/role", members.change_role, name="change_role"),
    path("settings/members/<str:pk>/suspend", members.suspend, name="suspend"),
    path("settings/members/<str:pk>/reinstate", members.reinstate, name="reinstate"),
    path("settings/members/<str:pk>/remove", members.remove, name="remove"),
    path("settings/roles", roles.index, name="roles"),
    path("settings/roles/new", roles.create, name="new_role"),
    path("settings/roles/new/preview", roles.preview_new, name="preview_new_role"),
    path("settings/roles/compare", roles.compare, name="compare_roles"),
    path("settings/roles/<str:pk>", roles.detail, name="role"),
    path("settings/roles/<str:pk>/change", roles.change, name="change_role_rights"),
    path("settings/roles/<str:pk>/preview", roles.preview, name="preview_role"),
    path("settings/roles/<str:pk>/remove", roles.remove, name="remove_role"),
]
