"""Projects, tiers, keys, tools and accounts in the admin; and the pages that every app's admin is made of."""

import json

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as accounts
from django.contrib.auth.models import Group, User
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from wire.money import to_usd, usd_text

from . import roles
from .models import ApiKey, Membership, Project, Provider, Role, TierModel, ToolVariable
from .project_form import ProjectForm
from .roles import projects_of

admin.site.site_header = "Workflow Memory"
admin.site.site_title = "Workflow Memory"
admin.site.index_title = "Design once, execute forever"


def pretty(value: object) -> SafeString:
    """A JSON value as one can read it, escaped: it may come from anywhere."""
    return format_html('<pre class="value">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))


def usd(pico: int | None, *, simulated: bool = False) -> str:
    """Money on a page, with its kind; a dash where it is not known."""
    return "–" if pico is None else f"{usd_text(to_usd(pico))} USD{' (simulated)' if simulated else ''}"


class DiscreetAdmin(admin.ModelAdmin):
    """What every page of ours is made of: an account sees the rows of its projects and nothing else, not even that there is more.

    `of_project`: the lookup from a row to its project; None: the kind is the operator's, a superuser's. `seen_by`,
    `changed_by`: the least role. None: superusers only.
    """

    of_project: str | None = None
    seen_by: Role | None = Role.VIEWER
    changed_by: Role | None = Role.OWNER

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


class OfItsPage(admin.TabularInline):
    """Rows on the page of what they belong to: whoever may see or change that may see or change these."""

    extra = 0
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
    model = TierModel
    form = NamesProvider


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
    list_display = ["name", "created_at", "cap"]
    search_fields = ["name"]
    inlines = [TierInline, ToolVariableInline, MemberInline]
    readonly_fields = ["created_at"]
    form = ProjectForm
    fieldsets = [
        (None, {"fields": ["name", "execution_cap", "created_at"]}),
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
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys are made on the command line, where they are shown once; here they are seen and revoked."""

    of_project = "project"
    seen_by = Role.OWNER
    list_display = ["prefix", "project", "scopes", "created_at", "last_used_at", "revoked_at"]
    list_filter = [("project", OwnFilter)]
    list_select_related = ["project"]
    exclude = ["digest"]
    actions = ["revoke"]

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: models.QuerySet[ApiKey]) -> None:
        revoked = keys.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"{revoked} revoked.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Role.OWNER)


admin.site.unregister([User, Group])


@admin.register(User)
class AccountAdmin(DiscreetAdmin, accounts.UserAdmin):
    """As Django has it, and the operator's."""


@admin.register(Group)
class GroupAdmin(DiscreetAdmin, accounts.GroupAdmin):
    """As Django has it, and the operator's."""
