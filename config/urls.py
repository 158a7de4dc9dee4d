from django.urls import URLPattern, URLResolver, include, path

from config import gate, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/<str:token>", views.sign_in_link, name="sign_in_link"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("api/", views.api_page, name="api_page"),
    path("api/v1/openapi.json", views.api_schema, name="api_schema"),
    path("api/v1/<path:rest>", gate.api, name="api"),
    path("", include("annotate.urls")),
    path("", include("training.urls")),
]
