from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

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
