from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(f"{app}.urls")) for app in ("annotate", "training") if find_spec(app) and find_spec(f"{app}.urls")
]
