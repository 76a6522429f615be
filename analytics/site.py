"""The admin as a whole: its first page, and its list of what there is. It stands here because it shows what everything below
knows: the settings name it, through `config.admin`."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from .pages.home import home

# What people look for, by what they come for: kind of row → what it is called here. What is not named stands behind, under its
# app, as Django has it; what is named with no name is left out (it has its page).
GROUPS: dict[str, dict[str, str]] = {
    "Work": {
        "executions.Execution": "Executions",
        "executions.Flag": "Flags",
        "designs.Group": "Groups of flags: decided once",
        "workflows.Workflow": "Workflows",
        "workflows.Version": "Versions of workflows",
        "designs.Design": "Designs: workflows that the frontier writes",
        "evaluations.Case": "Cases: what versions are held against",
    },
    "Proof": {
        "evaluations.Evaluation": "Evaluations: versions over cases",
        "evaluations.Replay": "Replays: past executions on a version",
        "evaluations.TierSearch": "Tier searches: the cheapest that passes",
        "evaluations.Gate": "Gates: what is asked before publishing",
    },
    "Money": {
        "workflows.Budget": "Budgets",
        "gateway.Call": "Model calls: the ledger",
        "gateway.Intent": "Intents: calls on their way, or in doubt",
        "gateway.OwnPrice": "Own prices",
        "analytics.UsageImport": "Usage imports: the ledger against providers",
        "shadows.Shadow": "Shadows: executions on the baseline's model",
        "shadows.Plan": "Shadow plans: how many, for how much",
    },
    "Projects": {
        "projects.Project": "Projects: tiers, members",
        "projects.ApiKey": "API keys",
        "projects.Tool": "Tools",
        "projects.Provider": "Providers of models",
        "notifications.Endpoint": "Endpoints: who is told",
        "notifications.Delivery": "Deliveries: what was told",
        "reports.Digest": "Digests: summaries at fixed times",
        "projects.AuditEvent": "Audit: who did what",
    },
    "Installation": {
        "executions.Worker": "Workers",
        "gateway.Limit": "Limits of providers",
        "auth.User": "Accounts",
        "auth.Group": "",  # roles stand in projects; a group of Django's gives no right here
    },
}


class Site(AdminSite):
    site_url = None  # the service has no other site

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict]:
        apps = super().get_app_list(request, app_label)
        if app_label:
            return apps
        rest = {f"{app['app_label']}.{kind['object_name']}": kind for app in apps for kind in app["models"]}
        groups = []
        for name, kinds in GROUPS.items():
            found = [(rest.pop(kind, None), called) for kind, called in kinds.items()]
            listed = [{**kind, "name": called} for kind, called in found if kind and called]
            if listed:
                groups.append(_group(name, listed))
        left = [(app["name"], [kind for kind in app["models"] if kind in rest.values()]) for app in apps]
        return [*groups, *(_group(name, kinds) for name, kinds in left if kinds)]

    def index(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        return super().index(request, {**home(request), **(extra_context or {})})


def _group(name: str, kinds: list[dict]) -> dict:
    return {
        "name": name,
        "app_label": name.lower().replace(" ", "-"),
        "app_url": reverse("admin:index"),
        "has_module_perms": True,
        "models": kinds,
    }
