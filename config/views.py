from django.conf import settings
from django.contrib.auth import login, logout
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from annotate import queue
from config.models import LIFETIME, SignInLink


@require_GET
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    # A page that sends in the background must not take the sign-in page for its answer.
    status = 401 if "HX-Request" in request.headers else 200
    return render(request, "config/sign_in.html", status=status)


@require_GET
@never_cache
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        # The browser guesses where its user is about to go. A guess must not use the link up.
        return HttpResponse(status=204)
    link = SignInLink.objects.claim(token)
    if link:
        login(request, link.user)
    elif not request.user.is_authenticated:
        context = {"used": SignInLink.objects.was_used(token), "hours": LIFETIME.total_seconds() // 3600}
        return render(request, "config/sign_in_refused.html", context, status=403)
    return redirect(settings.LOGIN_REDIRECT_URL)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign_in")


@require_GET
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_GET
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers, without which nothing goes. The queue is only told of: without it people go on tagging."""
    told = {"database": "ok", "queue": "ok"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        told["database"] = "does not answer"
    try:
        queue.ping()
    except queue.QueueDown:
        told["queue"] = "does not answer"
    return JsonResponse(told, status=200 if told["database"] == "ok" else 503)


@require_GET
def api_schema(request: HttpRequest) -> JsonResponse:
    from config.api import schema  # which is loaded for those who ask for it

    return JsonResponse(schema())


@require_GET
def api_page(request: HttpRequest) -> HttpResponse:
    """The API for people to read, written from its schema here: nothing is fetched from elsewhere."""
    from config.api_page import groups, shapes

    return render(request, "config/api.html", {"groups": groups(), "shapes": shapes()})
