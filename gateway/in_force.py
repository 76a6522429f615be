"""Which prices the page of prices in force shows: of a project, of one provider or all, of models whose id holds some letters."""

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import timezone

from projects.models import Project

from .price_table import Priced, price_table


class InForceForm(forms.Form):
    """Read from the address: such a page can be kept and sent. What is not one of the account's projects is the first of them."""

    project = forms.ModelChoiceField(queryset=Project.objects.none(), required=False, empty_label=None)
    provider = forms.ChoiceField(required=False)
    model = forms.CharField(required=False, max_length=200, label="Model has in its id")

    def __init__(self, projects: QuerySet[Project], given: QueryDict) -> None:
        self.project_rows = projects
        chosen = given.get("project", "")
        mine = (
            projects.filter(pk=int(chosen)) if chosen.isascii() and chosen.isdigit() and len(chosen) < 18 else projects
        )
        self.project = mine.first() or projects.first()
        names = self.project.known_providers() if self.project else []
        provider = given.get("provider", "")
        super().__init__(
            {
                "project": self.project and self.project.pk,
                "provider": provider if provider in names else "",
                "model": given.get("model", "")[:200].replace("\x00", ""),
            }
        )
        self.fields["project"].queryset = projects
        self.fields["provider"].choices = [("", "all"), *((name, name) for name in names)]

    def rows(self) -> list[Priced]:
        if self.project is None or not self.is_valid():
            return []
        text = self.cleaned_data["model"].lower()
        rows = price_table(self.project, timezone.now(), self.cleaned_data["provider"] or None)
        return [row for row in rows if text in row.model.lower()]
