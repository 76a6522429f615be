"""The door of the savings pages: who comes in, and what every answer has in common."""

from typing import ClassVar

from django.contrib import admin
from django.contrib.auth.mixins import UserPassesTestMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from wire.problems import Problem

HOME = reverse_lazy("reports:home")


class NotAsked(Problem):
    status = 405
    title = "Method Not Allowed"


@method_decorator(never_cache, name="dispatch")
class Door(UserPassesTestMixin, View):
    """Whoever may come into the admin may come in here, and sees the own projects alone. No browser and no proxy keeps a page with
    money on it."""

    login_url: ClassVar = reverse_lazy("admin:login")

    def test_func(self) -> bool:
        return admin.site.has_permission(self.request)

    def http_method_not_allowed(self, request: HttpRequest, *args: object, **named: object) -> HttpResponse:
        response = refused(request, NotAsked("This page can be read, and nothing can be sent to it."))
        response["Allow"] = "GET, HEAD, OPTIONS"
        return response


def refused(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A sentence, and a way back: to the same page without its filters, where those are what is wrong."""
    unread = problem.status not in (404, 405)
    title = "This address cannot be read" if unread else "There is nothing here"
    back = (request.path, "The page without filters") if request.GET and unread else (HOME, "All savings")
    shown = {"title": title, "detail": problem.detail, "back": back}
    return render(request, "refused.html", shown, status=problem.status, using="reports")
