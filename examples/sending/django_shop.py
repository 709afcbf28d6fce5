"""A shop in Django that asks Troth: sign up, send a newsletter, hear of withdrawals.

Run it beside `troth serve`, with a key of [api.shop] (scopes choices, may, messages) and a secret of [webhook.shop]:

    TROTH_URL=http://127.0.0.1:8080 TROTH_KEY=… TROTH_HOOK_SECRET=… TROTH_FORM=… \
      python -m django runserver --pythonpath examples/sending --settings django_shop
"""

import os
from collections.abc import Iterable

from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from troth.client import Client, NotGenuine, Refused, Said, Unreachable, choices, event_of, prepare, sent

PURPOSE, OPENS = "newsletter", "audience"
STOPPED: set[str] = set()
"""Whom the shop's own list leaves out since Troth told it; a table in a real one."""

# Django's own settings, in this one file.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "only for this example")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "django_shop"
EMAIL_BACKEND = os.environ.get("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
MIDDLEWARE: list[str] = ["django.middleware.csrf.CsrfViewMiddleware"]


def troth() -> Client:
    """Open a client; a real shop keeps one for each process."""
    return Client(os.environ["TROTH_URL"], os.environ["TROTH_KEY"])


@csrf_exempt  # only so that the example needs no page of its own
@require_POST
def sign_up(request: HttpRequest) -> HttpResponse:
    """Record the yes of a visitor, with the hash of the form they saw."""
    said = [Said("given", PURPOSE, "email")] if request.POST.get("newsletter") == "yes" else []
    if not said:
        return HttpResponse("Nothing was chosen.", status=422)
    call = choices(
        said, "web", email=request.POST.get("email", ""), form=os.environ["TROTH_FORM"], language="en"
    )
    try:
        with troth() as client:
            taken = client.send(call)
    except Refused as error:
        return HttpResponse(error.detail, status=422)
    except Unreachable:
        return HttpResponse("Please try again in a moment.", status=503)
    return HttpResponse(
        "Thank you." if taken.choices[0].proven else "We could not keep the proof.", status=201
    )


def send_newsletter(addresses: Iterable[str], subject: str, text: str) -> list[str]:
    """Send to those to whom it may be sent, each with what it must carry; return their addresses."""
    wanted = [one for one in addresses if one not in STOPPED]
    with troth() as client:
        found = client.send(
            prepare(PURPOSE, wanted, measured_for=OPENS, picture="https://track.example/o/42.gif")
        )
        ready = [one for one in found.messages if one.allowed and not one.inform_first]
        for one in ready:
            apart = f"\n\n-- \n{one.notice.text}\n" if one.notice else ""
            mail = EmailMultiAlternatives(
                subject,
                f"{text}{apart}\nUnsubscribe: {one.unsubscribe}\n",
                to=[one.email],
                headers=one.headers,
            )
            page = f"<p>{text}</p>{one.notice.html if one.notice else ''}<img src='{one.picture}' alt=''>"
            mail.attach_alternative(page, "text/html")
            mail.send()
        if ready:
            client.send(sent(PURPOSE, {one.email: one.notice.token if one.notice else "" for one in ready}))
    return [one.email for one in ready]


@csrf_exempt  # signed by Troth, which has no cookie of this site
@require_POST
def hook(request: HttpRequest) -> HttpResponse:
    """Hear of a withdrawal or an objection, once its signature is checked."""
    try:
        event = event_of(request.body, request.headers, os.environ["TROTH_HOOK_SECRET"])
    except NotGenuine:
        return HttpResponse(status=400)
    if event.type in {"consent.withdrawn", "consent.expired", "objection.recorded"}:
        STOPPED.update(event.emails)
    if event.type == "consent.given":
        STOPPED.difference_update(event.emails)
    return HttpResponse(status=204)


urlpatterns = [path("sign-up", sign_up), path("hooks/privacy", hook)]
__all__ = ["hook", "send_newsletter", "sign_up", "urlpatterns"]
