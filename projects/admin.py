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

from .models import ApiKey, Project, Provider, TierModel, Tool
from .project_form import ProjectForm
from .tools import registered

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
    """What every page of ours is made of. For an account without rights there is nothing here: Django's own page of a row's
    history looks for the row before it looks at the rights, and so says which ids exist."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request)
        return rows if any(self.get_model_perms(request).values()) else rows.none()


class ReadOnlyAdmin(DiscreetAdmin):
    """For what happened: everything can be read, nothing added, changed or deleted."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class NamesProvider(forms.ModelForm):
    """A form whose `provider` is chosen among those that there are; one that is gone stays to be seen."""

    def __init__(self, *arguments: object, **named: object) -> None:
        super().__init__(*arguments, **named)
        if field := self.fields.get("provider"):
            names = sorted({*Provider.objects.names(), self.instance.provider} - {""})
            choices = [("", "---------"), *((name, name) for name in names)]
            self.fields["provider"] = forms.ChoiceField(choices=choices, help_text=field.help_text)


class TierInline(admin.TabularInline):
    model = TierModel
    form = NamesProvider
    extra = 0


class ToolForm(forms.ModelForm):
    name = forms.ChoiceField(choices=lambda: [(name, name) for name in sorted(registered())])


class ToolInline(admin.TabularInline):
    model = Tool
    form = ToolForm
    extra = 0


@admin.register(Project)
class ProjectAdmin(DiscreetAdmin):
    list_display = ["name", "created_at", "cap"]
    search_fields = ["name"]
    inlines = [TierInline, ToolInline]
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

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys are made on the command line, where they are shown once; here they are seen and revoked."""

    list_display = ["prefix", "project", "scopes", "created_at", "last_used_at", "revoked_at"]
    list_filter = ["project"]
    list_select_related = ["project"]
    exclude = ["digest"]
    actions = ["revoke"]

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: models.QuerySet[ApiKey]) -> None:
        revoked = keys.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"{revoked} revoked.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("projects.change_apikey")


admin.site.unregister([User, Group])


@admin.register(User)
class AccountAdmin(DiscreetAdmin, accounts.UserAdmin):
    """As Django has it, and discreet."""


@admin.register(Group)
class GroupAdmin(DiscreetAdmin, accounts.GroupAdmin):
    """As Django has it, and discreet."""
