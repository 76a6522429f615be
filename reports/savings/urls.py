"""The addresses of the savings pages, beneath /reports/."""

from django.http import Http404, HttpRequest
from django.urls import path

from .home import Home
from .portfolio import Portfolio
from .workflow import Savings


def to_come(request: HttpRequest, **named: str) -> None:
    raise Http404


app_name = "reports"
ONE = "<str:project>/workflows/<str:workflow>/"
urlpatterns = [
    path("", Home.as_view(), name="home"),
    path("<str:project>/", Portfolio.as_view(), name="portfolio"),
    path(ONE, Savings.as_view(), name="workflow"),
    path(f"{ONE}calls/", to_come, name="calls"),
    path(f"{ONE}executions/", to_come, name="executions"),
]
