"""The addresses of the savings pages, beneath /reports/."""

from django.urls import path

from .calls import BehindFigure
from .executions import BehindCount
from .home import Home
from .method.page import OfProject, OfWorkflow
from .portfolio import Portfolio
from .steps import StepsAndTiers
from .versions import Versions
from .what_if import WhatIf
from .workflow import Savings

app_name = "reports"
ONE = "<str:project>/workflows/<str:workflow>/"
urlpatterns = [
    path("", Home.as_view(), name="home"),
    path("<str:project>/", Portfolio.as_view(), name="portfolio"),
    path(ONE, Savings.as_view(), name="workflow"),
    # Of a workflow, and of a project as a whole: one name, which takes a workflow or none.
    path(f"{ONE}calls/", BehindFigure.as_view(), name="calls"),
    path(f"{ONE}executions/", BehindCount.as_view(), name="executions"),
    path("<str:project>/calls/", BehindFigure.as_view(), name="calls"),
    path("<str:project>/executions/", BehindCount.as_view(), name="executions"),
    path(f"{ONE}what-if/", WhatIf.as_view(), name="what-if"),
    path(f"{ONE}method/", OfWorkflow.as_view(), name="method"),
    path("<str:project>/method/", OfProject.as_view(), name="project-method"),
    path(f"{ONE}versions/", Versions.as_view(), name="versions"),
    path(f"{ONE}steps/", StepsAndTiers.as_view(), name="steps"),
]
