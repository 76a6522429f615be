"""/reports/: the projects of an account; of one alone, its portfolio at once."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views import View

from projects.models import Project
from projects.roles import projects_of

AT_ONCE = 20


class Home(LoginRequiredMixin, View):
    login_url = reverse_lazy("admin:login")

    def get(self, request: HttpRequest) -> HttpResponse:
        projects = Project.objects.order_by("name")
        if not request.user.is_superuser:
            projects = projects.filter(pk__in=projects_of(request.user))
        page = Paginator(projects, AT_ONCE).get_page(request.GET.get("page"))
        if page.paginator.count == 1:
            return redirect("reports:portfolio", page.object_list[0].name)
        return render(request, "home.html", {"page": page}, using="reports")
