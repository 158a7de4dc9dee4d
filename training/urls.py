from django.urls import path

from training import views

urlpatterns = [
    path("projects/<slug:slug>/training", views.training_panel, name="training_panel"),
    path("projects/<slug:slug>/retrain", views.run_start, name="run_start"),
    path("projects/<slug:slug>/models", views.models, name="models"),
    path("runs/<int:pk>/", views.run, name="run"),
    path("runs/<int:pk>/stop", views.run_stop, name="run_stop"),
    path("versions/<int:pk>/promote", views.version_promote, name="version_promote"),
]
