"""The addresses of training, under an organization's own."""

from django.urls import path

from web.training import (
    assignments,
    campaigns,
    courses,
    learn,
    mine,
    modules,
    overview,
    practice,
    reports,
    settings,
)

app_name = "training"
urlpatterns = [
    path("training", overview.index, name="overview"),
    path("training/mine", mine.index, name="mine"),
    path("training/learn/<slug:lesson>", learn.intro, name="course"),
    path("training/learn/<slug:lesson>/pages/<int:number>", learn.page, name="page"),
    path("training/learn/<slug:lesson>/questions/<int:number>", learn.question, name="question"),
    path("training/learn/<slug:lesson>/finish", learn.finish, name="finish"),
    path("training/learn/<slug:lesson>/result", learn.result, name="result"),
    path("training/certificates/<str:pk>", mine.certificate, name="certificate"),
    path("training/certificates/<str:pk>/certificate.pdf", mine.certificate_pdf, name="certificate_pdf"),
    path("training/report", mine.report, name="report"),
    path("training/reported", mine.reported, name="reported"),
    path("training/messages", reports.index, name="messages"),
    path("training/messages/<str:pk>", reports.detail, name="message"),
    path("training/assignments", assignments.index, name="assignments"),
    path("training/assignments/new", assignments.assign, name="assign"),
    path("training/assignments/<str:pk>", assignments.detail, name="assignment"),
    path("training/assignments/<str:pk>/extend", assignments.extend, name="extend"),
    path("training/assignments/<str:pk>/excuse", assignments.excuse, name="excuse"),
    path("training/assignments/<str:pk>/tries", assignments.give_tries, name="give_tries"),
    path("training/courses", courses.index, name="courses"),
    path("training/courses/<slug:lesson>", courses.detail, name="course_detail"),
    path("training/courses/<slug:lesson>/duty", courses.duty, name="duty"),
    path("training/modules/new", modules.create, name="new_module"),
    path("training/modules/<str:pk>", modules.change, name="module"),
    path("training/modules/<str:pk>/publish", modules.publish, name="publish_module"),
    path("training/modules/<str:pk>/retire", modules.retire, name="retire_module"),
    path("training/campaigns", campaigns.index, name="campaigns"),
    path("training/campaigns/new", campaigns.plan, name="plan_campaign"),
    path("training/campaigns/<str:pk>", campaigns.detail, name="campaign"),
    path("training/campaigns/<str:pk>/people", campaigns.persons, name="campaign_people"),
    path("training/campaigns/<str:pk>/stop", campaigns.stop, name="stop_campaign"),
    path("training/practice/<str:pk>", practice.own, name="practice"),
    path("training/settings", settings.index, name="settings"),
]
