"""The ledger and own prices in the admin. The ledger can only be read."""

import re

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from projects.admin import DiscreetAdmin, NamesProvider, OwnFilter, ReadOnlyAdmin, pretty, usd
from projects.endpoints import is_same_host
from projects.models import Provider, Role

from .models import Call, Intent, Limit, OwnPrice
from .prices import ANY, price_lists
from .providers.sdk import key_in

NOT_KEPT = "Not there: it was never kept, or it was deleted, as its project says."


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    of_project = "project"
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
    search_fields = ["=execution", "=id"]
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
class IntentAdmin(ReadOnlyAdmin):
    of_project = "project"
    list_display = ["intended_at", "purpose", "step", "model_planned", "attempt", "bound"]
    list_filter = ["purpose", "simulated"]
    search_fields = ["=execution"]
    ordering = ["-id"]

    @admin.display(description="upper bound")
    def bound(self, intent: Intent) -> str:
        return usd(intent.upper_bound, simulated=intent.simulated)


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
    list_display = ["name", "project", "protocol", "address", "key", "price_list"]
    list_filter = [("project", OwnFilter)]
    list_select_related = ["project"]
    fieldsets = [
        (None, {"fields": ["project", "name", "protocol"]}),
        ("Where it is asked", {"fields": ["base_url", "key_variable"]}),
        ("Prices and names", {"fields": ["price_list", "aliases"]}),
    ]

    @admin.display(description="base URL", ordering="base_url")
    def address(self, provider: Provider) -> SafeString | str:
        """It may be broken behind a slash or a dot."""
        parts = re.split(r"(?<=[/.])(?=[^/.])", provider.base_url or "–")
        return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))

    @admin.display(description="key")
    def key(self, provider: Provider) -> str:
        variable = provider.key_variable
        return f"{variable}, not set here" if variable and not key_in(variable) else variable or "–"

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> list[str]:
        return ["project", "name", "protocol"] if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Provider | None = None) -> list:
        """Of a new one no key is known anywhere, and who may only look has nothing to say."""
        named, asked, *more = self.fieldsets
        if obj and self.has_change_permission(request, obj):
            asked = (asked[0], {"fields": [*asked[1]["fields"], "key_goes_along"]})
        return [named, asked, *more]

    def has_delete_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return False


@admin.register(OwnPrice)
class OwnPriceAdmin(DiscreetAdmin):
    """Stated once, in force from its day on; a new price is a new row."""

    of_project = "project"
    form = NamesProvider
    list_display = ["project", "provider", "model", "valid_from", "input_usd", "output_usd"]
    list_filter = [("project", OwnFilter), "provider"]
    list_select_related = ["project"]

    @admin.display(description="input per million")
    def input_usd(self, price: OwnPrice) -> str:
        return usd(price.input)

    @admin.display(description="output per million")
    def output_usd(self, price: OwnPrice) -> str:
        return usd(price.output)

    def has_change_permission(self, request: HttpRequest, obj: OwnPrice | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OwnPrice | None = None) -> bool:
        return False


@admin.register(Limit)
class LimitAdmin(DiscreetAdmin):
    """In force within a few seconds, in every worker."""

    told = ("provider", "model", "concurrent", "tokens_per_minute")
    form = NamesProvider
    list_display = ["__str__", "concurrent", "tokens_per_minute"]
    list_filter = ["provider"]
