"""Signing in to the admin: like keys, passwords are not tried by the thousand. Named in the urls."""

from django.contrib import admin
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from wire import rates, rest
from wire.errors import refused

from . import audit
from .audit import Verb
from .throttles import Door


def login(request: HttpRequest) -> HttpResponse:
    if request.method == "POST" and Door(request, "password").is_shut():
        detail = f"Too many wrong passwords came from this address. Try again in {rates.seconds_left()} seconds."
        response = refused(request, rest.said(429, "Too many requests", detail))
        response["Retry-After"] = str(rates.seconds_left())
        return response
    return admin.site.login(request)


@receiver(user_login_failed)
def remember(sender: object, request: HttpRequest | None = None, **_: object) -> None:
    if request is not None:
        Door(request, "password").failed()


@receiver(user_logged_in)
def write_down(sender: object, user: AbstractBaseUser, **_: object) -> None:
    """An account may belong to several projects, and a superuser to none: this is of the installation."""
    audit.record(None, f"user:{user.get_username()}", Verb.SIGNED_IN, user)
