"""The ledger and own prices in the admin. The ledger can only be read."""

import re

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from projects.admin import DiscreetAdmin, NamesProvider, OwnFilter, ReadOnlyAdmin, pretty, usd
from projects.audited import actor
from projects.endpoints import is_same_host
from projects.lists import Bounded
from projects.models import Project, Provider, Role
from projects.pages import ById
from projects.roles import projects_of
from wire.money import percent_text, usd_text

from . import pricing
from .in_force import InForceForm
from .models import Call, Intent, Limit, OwnPrice
from .price_table import Priced
from .prices import ANY, KINDS, price_lists
from .providers.anthropic import AnthropicProvider
from .providers.openai import OpenAIProvider
from .providers.sdk import key_in

CACHED = ("cache_read", "cache_write_5m", "cache_write_1h")
STATED = (*KINDS, *(f"batch_{kind}" for kind in KINDS))
OWN_KEYS = {"anthropic": AnthropicProvider.own_key_variable, "openai": OpenAIProvider.own_key_variable}
LOOKED_THROUGH = 1_000  # published workflows
MOST_LINES = 300  # of prices on a page
NOT_KEPT = "Not there: it was never kept, or it was deleted, as its project says."


@admin.register(Call)
class CallAdmin(ById, ReadOnlyAdmin):
    of_project = "project"
    looked_for = ("execution", "pk")
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER  # each would count every row
    sortable_by = []  # each would sort every row
    list_display = [
        "finished_at",
        "purpose",
        "step",
        "tier",
        "model_served",
        "outcome",
        "money",
        "simulated",
        "latency_ms",
    ]
    list_filter = ["purpose", "outcome", "tier", "simulated", "cost_state"]
    search_fields = ["id"]  # see ById
    search_help_text = "An execution's or a call's id."
    ordering = ["-id"]

    fields = [
        *(
            "purpose",
            "step",
            "attempt",
            "tier",
            "lane",
            "provider",
            "model_planned",
            "model_served",
            "outcome",
            "error",
        ),
        *("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking", "prefix_tokens"),
        *("money", "cost_state", "prices", "baseline", "simulated", "batch", "reported", "corrects"),
        *("execution", "project", "workflow", "version", "publication", "prompt_format", "prefix_hash", "request_hash"),
        *("intended_at", "finished_at", "latency_ms", "what_was_asked", "what_was_answered"),
    ]
    readonly_fields = fields

    @admin.display(description="prices, per million tokens")
    def prices(self, call: Call) -> SafeString | str:
        if call.price_input is None:
            return "–"
        kinds = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
        listed = {kind: usd(getattr(call, f"price_{kind}")) for kind in kinds}
        return pretty({**listed, "source": f"{call.price_source} {call.price_version}"})

    @admin.display(description="on the baseline's model")
    def baseline(self, call: Call) -> str:
        return f"{call.baseline_model}: {usd(call.baseline_warm)} warm, {usd(call.baseline_cold)} cold"

    @admin.display(description="cost")
    def money(self, call: Call) -> str:
        return usd(call.cost, simulated=call.simulated)

    @admin.display(description="request")
    def what_was_asked(self, call: Call) -> SafeString | str:
        return pretty(call.payload.request) if hasattr(call, "payload") and call.payload.request else NOT_KEPT

    @admin.display(description="answer")
    def what_was_answered(self, call: Call) -> SafeString | str:
        return pretty(call.payload.response) if hasattr(call, "payload") else NOT_KEPT


@admin.register(Intent)
class IntentAdmin(ById, ReadOnlyAdmin):
    of_project = "project"
    looked_for = ("execution", "pk")
    paginator = Bounded
    show_facets = admin.ShowFacets.NEVER
    sortable_by = []
    list_display = ["intended_at", "purpose", "step", "model_planned", "attempt", "bound"]
    list_filter = ["purpose", "simulated"]
    search_fields = ["id"]  # see ById
    search_help_text = "An execution's or an intent's id."
    ordering = ["-id"]

    @admin.display(description="upper bound")
    def bound(self, intent: Intent) -> str:
        return usd(intent.upper_bound, simulated=intent.simulated)


def _key_state(variable: str) -> str:
    return f"{variable} is {'set' if key_in(variable) else 'not set'} here"


def _price_lists() -> list[tuple[str, str]]:
    lists = [(name, name) for name in price_lists()]
    return [("", "none: own prices, or unpriced"), (ANY, "the first that knows the model"), *lists]


class ProviderForm(forms.ModelForm):
    """A key that one host knows is not sent to another because an address was changed: somebody has to say so."""

    price_list = forms.ChoiceField(
        choices=_price_lists,
        required=False,
        help_text=Provider._meta.get_field("price_list").help_text,
    )
    key_goes_along = forms.BooleanField(
        label="the key goes to the new host",
        required=False,
        help_text="Where the base URL leads to another host than before, the key is sent there only if you say so here, or name "
        "another variable.",
    )

    class Meta:
        widgets = {
            "base_url": forms.URLInput(attrs={"class": "vURLField", "placeholder": "https://…"}),
            "key_variable": forms.TextInput(attrs={"class": "vTextField", "placeholder": "GEMINI_API_KEY"}),
            "aliases": forms.Textarea(
                attrs={"rows": 3, "cols": 60, "spellcheck": "false", "style": "font-family:monospace"}
            ),
        }

    def clean(self) -> dict:
        cleaned = super().clean()
        row, variable = self.instance, cleaned.get("key_variable")
        moved = row.pk and not is_same_host(self.initial["base_url"], cleaned.get("base_url", ""))
        if moved and variable and variable == self.initial["key_variable"] and not cleaned["key_goes_along"]:
            said = f"The key in {variable} would be sent to another host: tick this, or name another variable."
            self.add_error("key_goes_along", said)
        return cleaned


@admin.register(Provider)
class ProviderAdmin(DiscreetAdmin):
    """Where prompts and keys go: an owner may see it, the operator says it. A provider stays, because what was published may
    name it."""

    of_project = "project"
    seen_by = Role.OWNER
    changed_by = None
    told = ("project", "name", "protocol", "base_url", "key_variable", "price_list", "aliases")
    form = ProviderForm
    list_display = ["name", "project", "protocol", "address", "key", "tiers", "prices_of"]
    list_filter = [("project", OwnFilter), "protocol"]
    list_select_related = ["project"]
    empty = (
        "No provider of a project's own. Add one for an endpoint that speaks like OpenAI's or Anthropic's: Gemini, OpenRouter, "
        "vLLM, Ollama. Its key stands in the environment; here is only the variable's name."
    )
    fieldsets = [
        (None, {"fields": ["project", "name", "protocol"]}),
        ("Where it is asked", {"fields": ["base_url", "key_variable", "key"]}),
        ("What it is used for", {"fields": ["tiers", "workflows"]}),
        ("Prices and names", {"fields": ["price_list", "aliases"]}),
    ]

    @admin.display(description="base URL", ordering="base_url")
    def address(self, provider: Provider) -> SafeString | str:
        """It may be broken behind a slash or a dot."""
        parts = re.split(r"(?<=[/.])(?=[^/.])", provider.base_url or "–")
        return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        return super().get_queryset(request).prefetch_related("project__tiers")

    def introduction(self, request: HttpRequest) -> str:
        own = " and ".join(_key_state(variable) for variable in OWN_KEYS.values())
        return (
            f"Every project has anthropic, openai, scripted and recorded beside these; of their keys {own}. Workers have their own "
            "environment: what is set here, in the web process, has to be set there."
        )

    @admin.display(description="key")
    def key(self, provider: Provider) -> str:
        """Whether it is there, and never which it is."""
        if provider.simulated:
            return "none: it asks nobody"
        usual = "" if provider.base_url else OWN_KEYS.get(provider.protocol, "")
        variable = provider.key_variable or usual
        return _key_state(variable) if variable else "none: the endpoint wants no key"

    @admin.display(description="tiers")
    def tiers(self, provider: Provider) -> str:
        rows = [row for row in provider.project.tiers.all() if row.provider == provider.name]
        return ", ".join(f"{row.tier} ({row.model})" for row in rows) or "no tier"

    @admin.display(description="published workflows")
    def workflows(self, provider: Provider) -> str:
        """Those whose live version was published with it."""
        rows = provider.project.workflows.filter(live__isnull=False, archived_at=None).order_by("name")
        maps = rows.values_list("name", "live__tier_map")[:LOOKED_THROUGH]
        names = [name for name, tiers in maps if any(one.partition(":")[0] == provider.name for one in tiers.values())]
        more = f" and {len(names) - 20} more" if len(names) > 20 else ""
        return ", ".join(names[:20]) + more or "none"

    @admin.display(description="prices")
    def prices_of(self, provider: Provider) -> str:
        return provider.price_list or "own prices alone"

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> list[str]:
        shown = ["key", "tiers", "workflows"]
        return ["project", "name", "protocol", *shown] if obj else shown

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> list:
        """Nothing is to be seen yet of one that is not there yet; and only who changes one is asked whether its key goes along."""
        if not obj:
            seen = self.get_readonly_fields(request)
            parts = [(title, [name for name in part["fields"] if name not in seen]) for title, part in self.fieldsets]
            return [(title, {"fields": fields}) for title, fields in parts if fields]
        named, asked, *more = self.fieldsets
        if self.has_change_permission(request, obj):
            asked = (asked[0], {"fields": [*asked[1]["fields"], "key_goes_along"]})
        return [named, asked, *more]

    def has_delete_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return False


def _line(row: Priced) -> dict[str, object]:
    """A row of prices as the page shows it."""
    found = {kind: getattr(row.price, kind) if row.price else None for kind in KINDS}
    return {
        "row": row,
        "prices": {kind: usd_text(price) or "–" for kind, price in found.items()},
        "times": percent_text(row.times_cheapest),
        "times_output": percent_text(row.times_cheapest_output),
        "batch": f"{usd_text(row.batch.input)}, {usd_text(row.batch.output)}" if row.batch else "–",
        "listed": f"{usd_text(row.listed.input)}, {usd_text(row.listed.output)}" if row.listed else "",
        "longer": [(above, usd_text(dear.input), usd_text(dear.output)) for above, dear in row.long_prompts],
    }


class OwnPriceForm(NamesProvider):
    """What is wrong with a price is said by the field, as through the API."""

    class Meta:
        widgets = {"model": forms.TextInput(attrs={"class": "vTextField", "placeholder": "claude-haiku-5-5"})}


@admin.register(OwnPrice)
class OwnPriceAdmin(DiscreetAdmin):
    """Stated once, in force from its day on; a new price is a new row."""

    of_project = "project"
    audits_itself = True  # see `pricing.state`
    form = OwnPriceForm
    list_display = ["model", "provider", "project", "valid_from", "stands", "input_usd", "output_usd", "batch_usd"]
    list_filter = [("project", OwnFilter), "provider"]
    list_select_related = ["project"]
    search_fields = ["model"]
    ordering = ["-valid_from", "-pk"]
    change_list_template = "admin/gateway/ownprice/change_list.html"
    intro = (
        "A price of the project's own goes before the public list from its day on. A call that was made keeps the price that it "
        "was made at, so none begins in the past."
    )
    empty = (
        "No own price: every model costs what the public list of its provider says, and one that it does not know is unpriced. "
        "“Prices in force” shows them beside each other."
    )
    fieldsets = [
        (None, {"fields": ["project", "provider", "model", "valid_from"]}),
        ("USD per million tokens", {"fields": ["input", "output", "cache_read", "cache_write_5m", "cache_write_1h"]}),
        (
            "The same in a batch",
            {
                "classes": ["collapse"],
                "fields": [f"batch_{kind}" for kind in ("input", "output", *CACHED)],
            },
        ),
    ]

    def save_model(self, request: HttpRequest, price: OwnPrice, form: forms.ModelForm, change: bool) -> None:
        kinds = {kind: getattr(price, kind) for kind in STATED}
        of = (price.project, price.provider, price.model, price.valid_from)
        price.pk = pricing.state(*of, kinds, actor(request))[0].pk

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, object]:
        return {"valid_from": timezone.now().date(), **super().get_changeform_initial_data(request)}

    def get_urls(self) -> list:
        in_force = path("in-force/", self.admin_site.admin_view(self.in_force), name="gateway_ownprice_in_force")
        return [in_force, *super().get_urls()]

    def in_force(self, request: HttpRequest) -> HttpResponse:
        """What each model costs a project at this moment, beside each other."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = InForceForm(self._projects(request), request.GET)
        rows = form.rows()
        context = {
            **self.admin_site.each_context(request),
            **{"title": "Prices in force", "opts": self.opts, "form": form, "project": form.project},
            **{"rows": [_line(row) for row in rows[:MOST_LINES]], "left_out": max(0, len(rows) - MOST_LINES)},
            "may_state": form.project is not None
            and self.may(request, self.changed_by, OwnPrice(project=form.project)),
        }
        return render(request, "admin/gateway/ownprice/in_force.html", context)

    def _projects(self, request: HttpRequest) -> QuerySet[Project]:
        rows = Project.objects.order_by("name")
        return rows if request.user.is_superuser else rows.filter(pk__in=projects_of(request.user, self.seen_by))

    @admin.display(description="state")
    def stands(self, price: OwnPrice) -> str:
        today = timezone.now().date()
        if price.valid_from > today:
            return "later"
        in_force = pricing.own_price(price.project_id, price.provider, price.model, today)
        return "in force" if in_force and in_force.pk == price.pk else "until the next one began"

    @admin.display(description="input per million")
    def input_usd(self, price: OwnPrice) -> str:
        return usd(price.input)

    @admin.display(description="output per million")
    def output_usd(self, price: OwnPrice) -> str:
        return usd(price.output)

    @admin.display(description="batch: input, output")
    def batch_usd(self, price: OwnPrice) -> str:
        return "–" if price.batch_input is None else f"{usd(price.batch_input)}, {usd(price.batch_output)}"

    def has_change_permission(self, request: HttpRequest, obj: OwnPrice | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OwnPrice | None = None) -> bool:
        return False


@admin.register(Limit)
class LimitAdmin(DiscreetAdmin):
    """In force within a few seconds, in every worker."""

    told = ("provider", "model", "concurrent", "tokens_per_minute")
    form = NamesProvider
    list_display = ["provider", "of_model", "at_once", "a_minute"]
    list_filter = ["provider"]
    ordering = ["provider", "model"]
    intro = "Each worker keeps to its share of a limit. What finds no place waits, and is never refused."
    empty = (
        "No limit: as much is asked at once as there is work. Add what your contract with a provider allows, so that it need not "
        "refuse you."
    )

    @admin.display(description="model", ordering="model")
    def of_model(self, limit: Limit) -> str:
        return limit.model or "each that has no limit of its own"

    @admin.display(description="calls at once", ordering="concurrent")
    def at_once(self, limit: Limit) -> str:
        return "no limit" if limit.concurrent is None else f"{limit.concurrent:,}"

    @admin.display(description="tokens per minute", ordering="tokens_per_minute")
    def a_minute(self, limit: Limit) -> str:
        return "no limit" if limit.tokens_per_minute is None else f"{limit.tokens_per_minute:,}"
