"""The form of a project in the admin: its patterns are boxes to tick and its fields are lines, whatever the row keeps."""

from django import forms

from wire.redaction import NAMES, PATTERNS, USUAL_NAMES

from .keeping import Keeping, check_fields
from .models import Project

ALL_LINES = 20_000  # characters


class ProjectForm(forms.ModelForm):
    """A pattern that is not spoken of keeps to what is usual, so a later one is looked for in every project."""

    redacted_patterns = forms.MultipleChoiceField(
        label=Project._meta.get_field("redacted_patterns").verbose_name.capitalize(),
        choices=[(pattern.name, f"{pattern.name}: {pattern.says}") for pattern in PATTERNS],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "radiolist"}),  # the admin's word for a column
        required=False,
        help_text=Project._meta.get_field("redacted_patterns").help_text,
    )
    redacted_fields = forms.CharField(
        label=Project._meta.get_field("redacted_fields").verbose_name.capitalize(),
        widget=forms.Textarea(attrs={"rows": 5, "cols": 40}),
        max_length=ALL_LINES,
        required=False,
        help_text=Project._meta.get_field("redacted_fields").help_text,
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        if "redacted_patterns" in self.fields:  # whoever may only read the project has no form fields
            self.initial["redacted_patterns"] = sorted(Keeping.of(self.instance).policy.names, key=NAMES.index)
            self.initial["redacted_fields"] = "\n".join(self.instance.redacted_fields or ())

    def clean_redacted_patterns(self) -> dict[str, bool]:
        """Only what differs from the usual."""
        looked_for = self.cleaned_data["redacted_patterns"]
        chosen = {name: name in looked_for for name in NAMES}
        return {name: wanted for name, wanted in chosen.items() if wanted != (name in USUAL_NAMES)} or None

    def clean_redacted_fields(self) -> list[str] | None:
        lines = (line.strip() for line in self.cleaned_data["redacted_fields"].splitlines())
        fields = list(dict.fromkeys(line for line in lines if line))
        check_fields(fields)
        return fields or None
