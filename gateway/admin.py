"""The ledger and own prices in the admin. The ledger can only be read."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from projects.admin import ReadOnlyAdmin, pretty, usd

from .models import Call, Intent, OwnPrice


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

    def get_fields(self, request: object, obj: Call | None = None) -> list[str]:
        own = [field.name for field in Call._meta.fields]
        return [*own, "what_was_asked", "what_was_answered"]

    def get_readonly_fields(self, request: object, obj: Call | None = None) -> list[str]:
        return self.get_fields(request, obj)

    @admin.display(description="cost")
    def money(self, call: Call) -> str:
        return usd(call.cost, simulated=call.simulated)

    @admin.display(description="request")
    def what_was_asked(self, call: Call) -> SafeString | str:
        return pretty(call.payload.request) if hasattr(call, "payload") else "–"

    @admin.display(description="answer")
    def what_was_answered(self, call: Call) -> SafeString | str:
        return pretty(call.payload.response) if hasattr(call, "payload") else "–"


@admin.register(Intent)
class IntentAdmin(ReadOnlyAdmin):
    list_display = ["intended_at", "purpose", "step", "model_planned", "attempt", "bound"]
    list_filter = ["purpose", "simulated"]
    search_fields = ["=execution"]
    ordering = ["-id"]

    @admin.display(description="upper bound")
    def bound(self, intent: Intent) -> str:
        return usd(intent.upper_bound, simulated=intent.simulated)


@admin.register(OwnPrice)
class OwnPriceAdmin(admin.ModelAdmin):
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
