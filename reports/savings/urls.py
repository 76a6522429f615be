"""The addresses of the savings pages, beneath /reports/. What there is of a workflow and of a project as a whole has one name,
which takes a workflow or none."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from .advice import page as advice
from .home import Home
from .method.page import HowItIsWorkedOut
from .portfolio import Portfolio
from .rows.calls import BehindFigure
from .rows.executions import BehindCount
from .shadows.page import Shadows
from .steps.page import StepsAndTiers
from .versions.page import Versions
from .what_if.page import WhatIf
from .workflow import Savings

app_name = "reports"
PROJECT = "<str:project>/"
WORKFLOW = "<str:project>/workflows/<str:workflow>/"
urlpatterns = [
    path("", Home.as_view(), name="home"),
    path(PROJECT, Portfolio.as_view(), name="portfolio"),
    path(f"{PROJECT}advice/", advice.OfProject.as_view(), name="advice"),
    path(f"{PROJECT}method/", HowItIsWorkedOut.as_view(), name="method"),
    path(f"{PROJECT}calls/", BehindFigure.as_view(), name="calls"),
    path(f"{PROJECT}executions/", BehindCount.as_view(), name="executions"),
    path(WORKFLOW, Savings.as_view(), name="workflow"),
    path(f"{WORKFLOW}versions/", Versions.as_view(), name="versions"),
    path(f"{WORKFLOW}steps/", StepsAndTiers.as_view(), name="steps"),
    path(f"{WORKFLOW}shadows/", Shadows.as_view(), name="shadows"),
    path(f"{WORKFLOW}what-if/", WhatIf.as_view(), name="what-if"),
    path(f"{WORKFLOW}advice/", advice.OfWorkflow.as_view(), name="advice"),
    path(f"{WORKFLOW}method/", HowItIsWorkedOut.as_view(), name="method"),
    path(f"{WORKFLOW}calls/", BehindFigure.as_view(), name="calls"),
    path(f"{WORKFLOW}executions/", BehindCount.as_view(), name="executions"),
    # Who types an address leaves its end away.
    re_path(r"^(?P<path>.*[^/])$", RedirectView.as_view(url="/reports/%(path)s/", query_string=True)),
]
