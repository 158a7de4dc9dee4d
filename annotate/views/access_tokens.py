"""A person's access tokens, by which their programs come in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotate.models import AccessToken
from annotate.token_forms import AccessTokenForm


@require_http_methods(["GET", "POST"])
@never_cache
@login_required
def access_tokens(request: HttpRequest) -> HttpResponse:
    """The list; a new one is shown in the answer to the form, and never again."""
    form = AccessTokenForm(request.user, request.POST if request.method == "POST" else None)
    issued = ""
    if request.method == "POST" and form.is_valid():
        _, issued = AccessToken.objects.issue(request.user, **form.chosen())
        form = AccessTokenForm(request.user)
    mine = AccessToken.objects.filter(user=request.user.pk, revoked_at=None).select_related("project")
    return render(request, "annotate/access_tokens.html", {"form": form, "issued": issued, "tokens": mine})


@require_POST
@login_required
def access_token_revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    token = get_object_or_404(AccessToken, pk=pk, user=request.user.pk)
    token.revoke()
    messages.success(request, f"“{token.name}” is revoked: programs that use it are refused from now on.")
    return redirect("access_tokens")
