"""Endpoints and what they are told, in the admin. A secret is shown on the page that answers the form which made it, and never
again."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.admin import DiscreetAdmin, OwnFilter, ReadOnlyAdmin, actor, pretty
from projects.lists import Bounded
from projects.models import Role
from projects.pages import ById

from .checking import TOO_MANY, fault_of_address, has_room
from .models import KEEP_HOURS, MAX_KEEP_HOURS, Delivery, Endpoint, Kind, Secret, Type
from .outbox import try_out
from .representation import represent_delivery


class EndpointForm(forms.ModelForm):
    events = forms.MultipleChoiceField(
        label="Told of",
        choices=[(type.value, f"{type.value}: {type.label}") for type in Type],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "radiolist"}),
    )

    def clean(self) -> dict[str, object]:
        given = super().clean()
        project = given.get("project") or (self.instance.project if self.instance.project_id else None)
        kind, workflow = given.get("kind") or self.instance.kind, given.get("workflow")
        if workflow and project and workflow.project_id != project.pk:
            self.add_error("workflow", "This workflow belongs to another project.")
        if (address := given.get("address")) and kind and (fault := fault_of_address(kind, address)):
            self.add_error("address", fault)
        if self.instance._state.adding and project and not has_room(project):
            raise ValidationError(TOO_MANY)
        return given


class RotationForm(forms.Form):
    keep_hours = forms.IntegerField(
        label="Hours that the present one signs too",
        initial=KEEP_HOURS,
        min_value=0,
        max_value=MAX_KEEP_HOURS,
        help_text="Time to change the receiver. 0, where somebody has it who should not: it is worth nothing from now on.",
    )


class NothingForm(forms.Form):
    """Only a button."""


@admin.register(Endpoint)
class EndpointAdmin(DiscreetAdmin):
    of_project = "project"
    seen_by = Role.OWNER
    audits_itself = True  # see `Endpoint`
    form = EndpointForm
    list_display = ["address", "enabled", "how_it_does", "project", "workflow", "told_of"]
    list_filter = ["enabled", "kind", ("project", OwnFilter)]
    list_select_related = ["project", "workflow"]
    fieldsets = [
        (None, {"fields": ["project", "kind", "address", "enabled", "how_it_does"]}),
        ("What it is told of", {"fields": ["events", "workflow", "hours"]}),
        ("Who made it", {"fields": ["created_by", "created_at"]}),
    ]
    readonly_fields = ["how_it_does", "created_by", "created_at"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).filter(deleted_at=None)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Says what nobody has disabled: that is easily overlooked, and nothing is told there any more."""
        by_itself = self.get_queryset(request).filter(enabled=False).exclude(disabled_because="").count()
        if by_itself and request.method == "GET":
            said = f"Disabled because nothing arrives there: {by_itself}. Mend the receiver, then enable its endpoint again."
            messages.warning(request, said)
        return super().changelist_view(request, extra_context)

    def get_readonly_fields(self, request: HttpRequest, obj: Endpoint | None = None) -> list[str]:
        return [*self.readonly_fields, "project", "kind"] if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Endpoint | None = None) -> bool:
        """It is disabled, and what it was told stays to be seen. Through the API it can be deleted."""
        return False

    def save_model(self, request: HttpRequest, endpoint: Endpoint, form: forms.ModelForm, change: bool) -> None:
        by = actor(request)
        if change:
            wanted, endpoint.enabled = endpoint.enabled, form.initial["enabled"]
            endpoint.change(by, wanted)
            return
        wanted, endpoint.created_by = endpoint.enabled, by
        request.made = endpoint.begin()
        if not wanted:
            endpoint.change(by, False)

    def response_add(
        self, request: HttpRequest, endpoint: Endpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        if secret := getattr(request, "made", None):
            return self._shown_once(request, endpoint, secret)
        return super().response_add(request, endpoint, post_url_continue)

    def get_urls(self) -> list:
        return [
            path(
                "<path:object_id>/secret/",
                self.admin_site.admin_view(self.secret),
                name="notifications_endpoint_secret",
            ),
            path("<path:object_id>/test/", self.admin_site.admin_view(self.test), name="notifications_endpoint_test"),
            *super().get_urls(),
        ]

    def secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rotates it, and shows the new one."""
        endpoint = self._changeable(request, object_id)
        if endpoint.kind != Kind.WEBHOOK:
            raise Http404
        form = RotationForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            secret = endpoint.rotate(actor(request), form.cleaned_data["keep_hours"])
            return self._shown_once(request, endpoint, secret)
        return self._asked(
            request, endpoint, form, "Rotate the secret", "Webhooks are signed with a new one from now on."
        )

    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends something, and leads to what came of it."""
        endpoint = self._changeable(request, object_id)
        if request.method != "POST":
            said = "It is told that this is a test." if endpoint.enabled else "It is disabled: enable it first."
            return self._asked(request, endpoint, NothingForm() if endpoint.enabled else None, "Send a test", said)
        if endpoint.enabled:
            delivery = try_out(endpoint, actor(request))
            messages.success(request, "It is on its way: load this page again to see what came of it.")
            return redirect("admin:notifications_delivery_change", delivery.pk)
        return redirect("admin:notifications_endpoint_change", endpoint.pk)

    def _changeable(self, request: HttpRequest, object_id: str) -> Endpoint:
        endpoint = self.get_object(request, object_id)
        if endpoint is None or not self.has_change_permission(request, endpoint):
            raise Http404
        return endpoint

    def _asked(
        self, request: HttpRequest, endpoint: Endpoint, form: forms.Form | None, title: str, said: str
    ) -> HttpResponse:
        more = {"endpoint": endpoint, "form": form, "title": title, "said": said, "opts": self.model._meta}
        context = {**self.admin_site.each_context(request), **more}
        return render(request, "admin/notifications/endpoint/ask.html", context)

    def _shown_once(self, request: HttpRequest, endpoint: Endpoint, secret: Secret) -> HttpResponse:
        more = {"endpoint": endpoint, "secret": secret.text, "title": "The secret", "opts": self.model._meta}
        context = {**self.admin_site.each_context(request), **more}
        return render(request, "admin/notifications/endpoint/secret.html", context)

    @admin.display(description="told of")
    def told_of(self, endpoint: Endpoint) -> str:
        return ", ".join(endpoint.events)

    @admin.display(description="how it does")
    def how_it_does(self, endpoint: Endpoint) -> SafeString | str:
        if endpoint._state.adding:
            return "–"
        failing = (
            f"takes nothing since {endpoint.failing_since:%Y-%m-%d %H:%M} UTC" if endpoint.failing_since else "well"
        )
        said = failing if endpoint.enabled else endpoint.disabled_because or "disabled"
        url = f"{reverse('admin:notifications_delivery_changelist')}?endpoint__id__exact={endpoint.pk}"
        return format_html('{}: <a href="{}">what it was told</a>', said, url)


@admin.register(Delivery)
class DeliveryAdmin(ById, ReadOnlyAdmin):
    of_project = "endpoint__project"
    seen_by = Role.OWNER
    list_display = ["created_at", "type", "state", "response_code", "attempts", "next_try", "endpoint"]
    list_filter = ["state", ("endpoint", OwnFilter)]
    list_select_related = ["endpoint"]
    search_fields = ["id"]  # see ById
    search_help_text = "A delivery's id, which receivers know as webhook-id."
    ordering = ["-id"]
    paginator = Bounded
    actions = ["send_again"]
    fields = [
        *("id", "endpoint", "type", "state", "attempts", "next_try", "attempted_at", "delivered_at"),
        *("response_code", "error", "answer", "payload", "created_at"),
    ]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).filter(endpoint__deleted_at=None)

    @admin.display(description="next try")
    def next_try(self, delivery: Delivery) -> object:
        return delivery.due_at if delivery.state == Delivery.State.WAITING else None

    @admin.display
    def payload(self, delivery: Delivery) -> SafeString:
        return pretty(represent_delivery(delivery)["payload"])

    @admin.action(description="Send again", permissions=["send"])
    def send_again(self, request: HttpRequest, deliveries: models.QuerySet[Delivery]) -> None:
        chosen = list(deliveries.select_related("endpoint"))
        sent = [delivery for delivery in chosen if delivery.endpoint.enabled]
        for delivery in sent:
            delivery.again(actor(request))
        disabled = len(chosen) - len(sent)
        self.message_user(
            request,
            f"{len(sent)} on the way." + (f" {disabled} not: the endpoint is disabled." if disabled else ""),
            messages.WARNING if disabled else messages.SUCCESS,
        )

    def has_send_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Role.OWNER)
