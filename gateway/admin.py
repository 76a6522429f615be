"""The ledger and own prices in the admin. The ledger can only be read."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from projects.admin import DiscreetAdmin, ReadOnlyAdmin, pretty, usd
from projects.models import Provider

from .models import Call, Intent, Limit, OwnPrice
from .prices import is_price_list

NOT_KEPT = "Not there: it was never kept, or it was deleted, as its project says."


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
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
    list_display = ["intended_at", "purpose", "step", "model_planned", "attempt", "bound"]
    list_filter = ["purpose", "simulated"]
    search_fields = ["=execution"]
    ordering = ["-id"]

    @admin.display(description="upper bound")
    def bound(self, intent: Intent) -> str:
        return usd(intent.upper_bound, simulated=intent.simulated)


class ProviderForm(forms.ModelForm):
    def clean_price_list(self) -> str:
        name = self.cleaned_data["price_list"]
        if name and not is_price_list(name):
            raise forms.ValidationError("There is no such price list; leave it empty, and state own prices.")
        return name


@admin.register(Provider)
class ProviderAdmin(DiscreetAdmin):
    """Of the operator: where prompts and keys go. A provider stays, because what was published may name it."""

    form = ProviderForm
    list_display = ["name", "project", "protocol", "base_url", "key_variable", "price_list"]
    list_filter = ["project", "protocol"]
    list_select_related = ["project"]

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> list[str]:
        return ["project", "name", "protocol"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Provider | None = None) -> bool:
        return False


@admin.register(OwnPrice)
class OwnPriceAdmin(DiscreetAdmin):
    """Stated once, in force from its day on; a new price is a new row."""

    list_display = ["project", "provider", "model", "valid_from", "input_usd", "output_usd"]
    list_filter = ["project", "provider"]
    list_select_related = ["project"]

    @admin.display(description="input, per million tokens")
    def input_usd(self, price: OwnPrice) -> str:
        return usd(price.input)

    @admin.display(description="output, per million tokens")
    def output_usd(self, price: OwnPrice) -> str:
        return usd(price.output)

    def has_change_permission(self, request: HttpRequest, obj: OwnPrice | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OwnPrice | None = None) -> bool:
        return False


@admin.register(Limit)
class LimitAdmin(DiscreetAdmin):
    """In force within a few seconds, in every worker."""

    list_display = ["__str__", "concurrent", "tokens_per_minute"]
    list_filter = ["provider"]
