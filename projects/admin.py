"""Projects, tiers, keys, tools and accounts in the admin; and the pages that every app's admin is made of."""

import json
from collections.abc import Iterable

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import admin as accounts
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from wire.money import to_usd, usd_text

from . import audit, keys, roles
from .audit import Verb
from .audited import Audited, actor
from .key_form import KeyForm
from .lists import Bounded, Kinds, Living, Verbs
from .models import ApiKey, AuditEvent, Membership, Project, Provider, Role, Tier, TierModel, ToolVariable
from .project_form import ProjectForm
from .roles import projects_of

admin.site.site_header = "Workflow Memory"
admin.site.site_title = "Workflow Memory"
admin.site.index_title = "Projects"


def pretty(value: object) -> SafeString:
    """A JSON value as one can read it, escaped: it may come from anywhere."""
    return format_html('<pre class="value">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))


def usd(pico: int | None, *, simulated: bool = False) -> str:
    """Money on a page, with its kind; a dash where it is not known."""
    return "–" if pico is None else f"{usd_text(to_usd(pico))} USD{' (simulated)' if simulated else ''}"


class DiscreetAdmin(Audited):
    """What every page of ours is made of: an account sees the rows of its projects and nothing else, not even that there is more.

    `of_project`: the lookup from a row to its project; None: the kind is the operator's, a superuser's. `seen_by`,
    `changed_by`: the least role. None: superusers only.
    """

    of_project: str | None = None
    seen_by: Role | None = Role.VIEWER
    changed_by: Role | None = Role.OWNER
    # What a list says above its rows, and in place of them where there is none: what to do next, for whoever may do it.
    intro = ""
    empty = ""
    change_list_template = "admin/list.html"

    def introduction(self, request: HttpRequest) -> str:
        return self.intro

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        empty = self.empty if self.has_add_permission(request) or isinstance(self, ReadOnlyAdmin) else ""
        said = {
            "intro": self.introduction(request),
            "empty": empty or f"There are no {self.opts.verbose_name_plural} here.",
        }
        return super().changelist_view(request, {**said, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """Also for Django's page of a row's history, which looks for the row before it looks at the rights."""
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        if self.of_project is None or self.seen_by is None:
            return rows.none()
        return rows.filter(**{f"{self.of_project}__in": projects_of(request.user, self.seen_by)})

    def project_of(self, row: models.Model | None) -> int | None:
        """The id of the row's project."""
        if row is None or self.of_project is None:
            return None
        value = row
        for name in self.of_project.split("__"):
            value = getattr(value, name)
        return getattr(value, "pk", value)

    def may(self, request: HttpRequest, least: Role | None, row: models.Model | None = None) -> bool:
        return roles.may(request.user, least if self.of_project else None, self.project_of(row))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.may(request, self.seen_by, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may(request, self.changed_by)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.may(request, self.changed_by, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.may(request, self.changed_by, obj)

    def formfield_for_foreignkey(self, field: models.ForeignKey, request: HttpRequest, **named: object) -> forms.Field:
        """Offers what may be chosen, and takes nothing else."""
        return super().formfield_for_foreignkey(field, request, queryset=self._offered(field, request), **named)

    def _offered(self, field: models.ForeignKey, request: HttpRequest) -> models.QuerySet:
        rows = field.remote_field.model._default_manager.all()
        if request.user.is_superuser:
            return rows
        lookup = "pk__in" if field.remote_field.model is Project else "project__in"
        return rows.filter(**{lookup: projects_of(request.user, self.changed_by)})


class OwnFilter(admin.RelatedFieldListFilter):
    """Projects and workflows to filter by: those that the account may see."""

    def field_choices(self, field: models.Field, request: HttpRequest, model_admin: DiscreetAdmin) -> list:
        if request.user.is_superuser:
            return super().field_choices(field, request, model_admin)
        lookup = "pk__in" if field.remote_field.model is Project else "project__in"
        mine = {lookup: projects_of(request.user, model_admin.seen_by)}
        ordering = self.field_admin_ordering(field, request, model_admin)
        return field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=mine)


class ReadOnlyAdmin(DiscreetAdmin):
    """For what happened: everything can be read, nothing added, changed or deleted."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class Labelled(forms.BaseInlineFormSet):
    """Each field says what the head of its column says: a table of fields has no labels."""

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        for bound in form:
            widget = getattr(
                bound.field.widget, "widget", bound.field.widget
            )  # inside what the admin puts around a relation
            if not bound.is_hidden:
                widget.attrs.setdefault("aria-label", bound.label)


class OfItsPage(admin.TabularInline):
    """Rows on the page of what they belong to: whoever may see or change that may see or change these."""

    extra = 0
    formset = Labelled
    changed_by: Role | None = Role.OWNER

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return True

    def _may(self, request: HttpRequest, project: Project | None = None) -> bool:
        return roles.may(request.user, self.changed_by, project and project.pk)

    has_add_permission = has_change_permission = has_delete_permission = _may


class ReadOnlyInline(OfItsPage):
    can_delete = False

    def _may(self, request: HttpRequest, project: models.Model | None = None) -> bool:
        return False

    has_add_permission = has_change_permission = has_delete_permission = _may


class NamesProvider(forms.ModelForm):
    """A form whose `provider` is chosen among those that there are; one that is gone stays to be seen."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        if field := self.fields.get("provider"):
            names = sorted({*Provider.objects.names(), self.instance.provider} - {""})
            choices = [("", "---------"), *((name, name) for name in names)]
            self.fields["provider"] = forms.ChoiceField(choices=choices, help_text=field.help_text)


class TierInline(OfItsPage):
    """What is published keeps the models that it was published with."""

    model = TierModel
    form = NamesProvider
    verbose_name_plural = "tier map: which model a tier means, from the next publication on"
    readonly_fields = ["costs"]

    @admin.display(description="what it costs")
    def costs(self, tier: TierModel) -> SafeString | str:
        if tier.pk is None:
            return "–"
        query = urlencode({"project": tier.project_id, "provider": tier.provider, "model": tier.model})
        return format_html('<a href="{}?{}">beside the others</a>', reverse("admin:gateway_ownprice_in_force"), query)


class ToolVariableInline(OfItsPage):
    """What an operator lets a project's tools use: whoever could name any variable would have the secrets of all."""

    model = ToolVariable
    changed_by = None


class MemberInline(OfItsPage):
    """Accounts are the operator's, so that nobody else is told which there are."""

    model = Membership
    changed_by = None
    readonly_fields = ["since"]


@admin.register(Project)
class ProjectAdmin(DiscreetAdmin):
    of_project = "pk"
    told = (
        *("name", "execution_cap", "retention_days", "store_payload", "redacted_patterns", "redacted_fields"),
        *("spot_check_share", "tier", "provider", "model", "account", "role"),
    )
    list_display = ["name", "tier_map", "people", "cap", "created_at"]
    search_fields = ["name"]
    empty = "There is no project yet. Add one, or make it with its first key: manage.py create_api_key --project NAME."
    inlines = [TierInline, ToolVariableInline, MemberInline]
    readonly_fields = ["created_at"]
    form = ProjectForm
    fieldsets = [
        (None, {"fields": ["name", "execution_cap", "spot_check_share", "created_at"]}),
        (
            "What is not kept",
            {
                "fields": ["redacted_patterns", "redacted_fields"],
                "description": "Holds for what comes in from now on, in every process within five seconds. What stands in the "
                "database already stays as it is.",
            },
        ),
        ("How long texts are kept", {"fields": ["retention_days", "store_payload"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).prefetch_related("tiers").annotate(accounts=models.Count("members"))

    @admin.display(description="tier map")
    def tier_map(self, project: Project) -> SafeString | str:
        """Cheap first, as they are spoken of."""
        rows = sorted(project.tiers.all(), key=lambda row: Tier.values.index(row.tier))
        return (
            format_html_join(mark_safe("<br>"), "{}: {}", ((row.tier, row.target) for row in rows)) or "none: say one"
        )

    @admin.display(description="people", ordering="accounts")
    def people(self, project: Project) -> int:
        return project.accounts

    @admin.display(description="cost cap of an execution")
    def cap(self, project: Project) -> str:
        return usd(project.execution_cap)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> list[str]:
        """Commands call it by its name."""
        return self.readonly_fields if request.user.is_superuser else [*self.readonly_fields, "name"]


@admin.register(ApiKey)
class ApiKeyAdmin(DiscreetAdmin):
    """A key's text is shown on the page that answers the form which made it, and never again. A key that was made stays as it is,
    until it is revoked."""

    of_project = "project"
    seen_by = Role.OWNER
    audits_itself = True  # see `keys`
    form = KeyForm
    list_display = ["prefix", "name", "project", "opens", "state", "last_used", "created_at", "expires_at"]
    list_filter = [Living, ("project", OwnFilter)]
    list_select_related = ["project"]
    search_fields = ["prefix", "name"]
    search_help_text = "What stands between wm_ and the next underscore, or a part of the name."
    ordering = ["-pk"]
    exclude = ["digest"]
    actions = ["revoke"]
    intro = "A program comes with a key, in the header Authorization: Bearer wm_…, and sees one project."
    empty = "There is no key yet. Add one here, or on the command line: manage.py create_api_key --project NAME."

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        if obj is None:
            return ["project", "name", "scopes", "expires_at"]
        return ["project", "name", "prefix", "opens", "state", "created_at", "last_used", "expires_at", "revoked_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Role.OWNER)

    def save_model(self, request: HttpRequest, key: ApiKey, form: forms.ModelForm, change: bool) -> None:
        said = {name: form.cleaned_data[name] for name in ("name", "expires_at")}
        made, request.made = keys.issue(key.project, form.cleaned_data["scopes"], actor(request), **said)
        key.pk, key.prefix = made.pk, made.prefix

    def response_add(self, request: HttpRequest, key: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        more = {"key": key, "token": request.made, "title": "The key", "opts": self.opts}
        context = {**self.admin_site.each_context(request), **more}
        return render(request, "admin/projects/apikey/token.html", context)

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, chosen: models.QuerySet[ApiKey]) -> HttpResponse | None:
        """Asks first: a program that uses one of them stops at once."""
        living = list(chosen.filter(revoked_at=None).select_related("project"))
        if not living:
            self.message_user(request, "These keys are revoked already.", messages.WARNING)
        elif "post" in request.POST:
            revoked = sum(keys.revoke(key, actor(request)) for key in living)
            self.message_user(request, f"{revoked} revoked.")
        else:
            more = {"keys": living, "title": "Revoke keys", "opts": self.opts}
            context = {**self.admin_site.each_context(request), **more}
            return render(request, "admin/projects/apikey/revoke.html", context)
        return None

    @admin.display(description="scopes")
    def opens(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @admin.display
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return f"revoked on {key.revoked_at:%Y-%m-%d}"
        return "opens" if key.is_alive else "expired"

    @admin.display(description="last used", ordering="last_used_at")
    def last_used(self, key: ApiKey) -> str:
        return f"{key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never"


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what: an owner sees it of the own projects, a superuser also of the installation."""

    of_project = "project"
    seen_by = Role.OWNER
    list_display = ["at", "who", "verb", "kind", "name", "project"]
    list_filter = [Verbs, Kinds, "operator", "at", ("project", OwnFilter)]
    list_select_related = ["project"]
    search_fields = ["actor", "name"]  # see get_search_results
    search_help_text = (
        "Whole: an actor, such as key:0c4f31d2 or user:rosa, or what it was done to, such as refund 1.2.0."
    )
    show_facets = admin.ShowFacets.NEVER  # each would count every row
    sortable_by = []  # each would sort every row
    ordering = ["-id"]
    paginator = Bounded
    fields = ["at", "who", "operator", "verb", "kind", "name", "object_id", "project", "details"]
    readonly_fields = fields
    intro = "Nobody changes or deletes what stands here. What became of an execution stands on its own page."
    empty = "Nothing was done yet, or nothing that this filter finds."

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        """By the indexes: Django's own would read every row."""
        text = search_term.strip()
        return (queryset.filter(models.Q(actor=text) | models.Q(name=text)) if text else queryset), False

    @admin.display(description="who")
    def who(self, event: AuditEvent) -> str:
        called = f" ({event.actor_name})" if event.actor_name else ""
        return f"{event.actor}{called}{', superuser' if event.operator else ''}"

    @admin.display(description="more")
    def details(self, event: AuditEvent) -> SafeString:
        return pretty(event.detail)


admin.site.unregister([User, Group])


@admin.register(User)
class AccountAdmin(DiscreetAdmin, accounts.UserAdmin):
    """As Django has it, and the operator's."""

    told = ("username", "is_active", "is_staff", "is_superuser", "groups", "user_permissions")

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        return super().user_change_password(request, id, form_url)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[User]) -> object:
        """An account that is deleted leaves its projects."""
        for member in Membership.objects.filter(account__in=list(queryset)).select_related("account"):
            audit.record(member.project_id, actor(request), Verb.DELETED, member)
        return super().log_deletions(request, queryset)


@admin.register(Group)
class GroupAdmin(DiscreetAdmin, accounts.GroupAdmin):
    """As Django has it, and the operator's."""

    told = ("name", "permissions")
