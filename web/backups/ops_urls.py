"""The operator's addresses of backups, under /ops."""

from django.urls import path

from web.backups import drills, ops, restores

app_name = "ops_backups"
urlpatterns = [
    path("backups", ops.index, name="index"),
    path("backups/run", ops.run, name="run"),
    path("backups/plan", ops.plan, name="plan"),
    path("backups/drill", drills.ask, name="ask_drill"),
    path("backups/drills/<str:pk>", drills.detail, name="drill"),
    path("backups/drills/<str:pk>/result.json", drills.as_json, name="drill_json"),
    path("backups/drills/<str:pk>/result.pdf", drills.as_pdf, name="drill_pdf"),
    path("backups/restore", restores.ask, name="ask_restore"),
    path("backups/<str:pk>", ops.detail, name="backup"),
    path("backups/<str:pk>/verify", ops.verify, name="verify"),
    path("backups/<str:pk>/hold", ops.hold, name="hold"),
]
