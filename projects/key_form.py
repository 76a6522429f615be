"""The form of a new API key in the admin: its scopes are boxes to tick, each with what it opens."""

from datetime import datetime

from django import forms
from django.utils import timezone

from .models import ApiKey, Scope

OPENS = {
    Scope.READ: "see workflows, executions, flags, costs, prices and budgets",
    Scope.EXECUTE: "execute workflows, cancel and retry (a program that waits for its answer needs read too)",
    Scope.DESIGN: "store workflows and versions, publish, archive, try drafts",
    Scope.REVIEW: "resolve flags",
    Scope.ADMIN: "everything, and budgets, prices, endpoints and the audit",
}


class KeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label="What it opens",
        choices=[(scope.value, f"{scope.value}: {says}") for scope, says in OPENS.items()],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "radiolist"}),
        initial=[Scope.READ, Scope.EXECUTE],
        help_text="No more than its program needs: a key that is lost opens what it says here.",
    )

    class Meta:
        model = ApiKey
        fields = ["project", "name", "scopes", "expires_at"]

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        if field := self.fields.get("expires_at"):  # a key that is there is read only
            for part, label in zip(field.widget.widgets, ("date", "time"), strict=True):  # one label cannot be of both
                part.attrs["aria-label"] = f"Expires at: {label}"

    def clean_expires_at(self) -> datetime | None:
        moment = self.cleaned_data["expires_at"]
        if moment and moment <= timezone.now():
            raise forms.ValidationError("This moment has passed: say a later one, or none.")
        return moment
