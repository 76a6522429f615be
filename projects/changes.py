"""What a form of the admin changed, as the audit keeps it: of the fields that a page names, the value before and after; of any
other only that it is another one."""

from collections.abc import Collection, Iterator
from datetime import date
from typing import TypeVar

from django.db import models
from django.forms import BaseForm, BaseModelFormSet

from wire.money import to_usd, usd_text

from .audit import Verb
from .fields import PicoField

Changes = dict[str, dict[str, object]]
Row = TypeVar("Row", bound=models.Model)


def of_form(form: BaseForm, told: Collection[str]) -> Changes:
    """`{"cap": {"before": "5.00", "after": "7.00"}, "password": {}}`."""
    return {name: _pair(form, name) if name in told else {} for name in form.changed_data}


def of_inlines(formsets: Collection[BaseModelFormSet], told: Collection[str]) -> Iterator[tuple[Verb, Row, Changes]]:
    """Each row below the page's own that was added, changed or deleted. The formsets are saved already."""
    for formset in formsets:
        deleted = formset.deleted_forms if formset.can_delete else []
        for form in formset.forms:
            if form in deleted:
                if form in formset.initial_forms:
                    yield Verb.DELETED, form.instance, {}
            elif form.has_changed():
                yield (
                    Verb.CHANGED if form in formset.initial_forms else Verb.CREATED,
                    form.instance,
                    of_form(form, told),
                )


def _pair(form: BaseForm, name: str) -> dict[str, object]:
    return {
        "before": _plain(form, name, form.get_initial_for_field(form.fields[name], name)),
        "after": _plain(form, name, form.cleaned_data.get(name)),
    }


def _plain(form: BaseForm, name: str, value: object) -> object:
    """A value of a form as one of JSON."""
    field = next((one for one in form._meta.model._meta.get_fields() if one.name == name), None)
    if isinstance(field, PicoField) and isinstance(value, int):
        return usd_text(to_usd(value))
    if isinstance(field, models.ForeignKey) and value is not None and not isinstance(value, models.Model):
        value = field.remote_field.model._default_manager.filter(pk=value).first()
    if isinstance(value, models.QuerySet | list | tuple):
        return [_word(one) for one in value]
    return _word(value)


def _word(value: object) -> object:
    if isinstance(value, date):  # a moment too
        return value.isoformat()
    return value if value is None or isinstance(value, str | int | bool | dict) else str(value)
