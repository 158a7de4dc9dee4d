from django.urls import path

import annotate.keys  # noqa: F401 - `key` in the addresses
from training import archive_views, curve_views, encoder_views, score_views, version_views, views

urlpatterns = [
    path("projects/<slug:slug>/training", views.training_panel, name="training_panel"),
    path("projects/<slug:slug>/training/news", views.training_news, name="training_news"),
    path("projects/<slug:slug>/retrain", views.run_start, name="run_start"),
    path("projects/<slug:slug>/models", version_views.models, name="models"),
    path("projects/<slug:slug>/learner", views.learner_switch, name="learner_switch"),
    path("projects/<slug:slug>/encoder", encoder_views.encoder, name="encoder"),
    path("projects/<slug:slug>/encoder/check", encoder_views.encoder_check, name="encoder_check"),
    path("projects/<slug:slug>/encoder/use", encoder_views.encoder_use, name="encoder_use"),
    path("projects/<slug:slug>/encoder/stop", encoder_views.encoder_stop, name="encoder_stop"),
    path("projects/<slug:slug>/encoder/ready", encoder_views.ready_take, name="ready_take"),
    path("runs/<key:pk>/", views.run, name="run"),
    path("runs/<key:pk>/mistakes", score_views.run_mistakes, name="run_mistakes"),
    path("runs/<key:pk>/loss.svg", score_views.run_loss, name="run_loss"),
    path("runs/<key:pk>/reliability.svg", score_views.run_reliability, name="run_reliability"),
    path("projects/<slug:slug>/models/f1.svg", score_views.models_f1, name="models_f1"),
    path("mistakes/<key:pk>", score_views.mistake, name="mistake"),
    path("runs/<key:pk>/stop", views.run_stop, name="run_stop"),
    path("runs/<key:pk>/go-on", views.run_go_on, name="run_go_on"),
    path("projects/<slug:slug>/models/compare", version_views.versions_compare, name="versions_compare"),
    path("projects/<slug:slug>/curve", curve_views.curve, name="curve"),
    path("projects/<slug:slug>/curve/draw", curve_views.curve_draw, name="curve_draw"),
    path("projects/<slug:slug>/curve.svg", curve_views.curve_f1, name="curve_f1"),
    path("versions/<key:pk>/download", version_views.version_download, name="version_download"),
    path("versions/<key:pk>/delete", version_views.version_delete, name="version_delete"),
    path("versions/<key:pk>/promote", version_views.version_promote, name="version_promote"),
    path("versions/<key:pk>/path", version_views.version_path, name="version_path"),
    path("projects/<slug:slug>/archive", archive_views.archive_new, name="archive_new"),
    path("archive/<key:pk>", archive_views.tagging, name="tagging"),
    path("archive/<key:pk>/stop", archive_views.tagging_stop, name="tagging_stop"),
    path("archive/<key:pk>/go-on", archive_views.tagging_go_on, name="tagging_go_on"),
    path("archive/<key:pk>/delete", archive_views.tagging_delete, name="tagging_delete"),
    path("archive/<key:pk>/mentions.<str:kind>", archive_views.tagging_file, name="tagging_file"),
]
