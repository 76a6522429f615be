"""What designs add to the page of a version: which one it came of, and, where it is published, what is more permissive in it."""

import semver
from django.contrib import admin
from django.http import HttpRequest

from evaluations.pages.searching import SearchedVersionAdmin
from workflows.models import Version

from .. import designing, limits
from ..models import Design

MOST_SOFTER = 50  # that are listed


class DesignedVersionAdmin(SearchedVersionAdmin):
    def shown(self, request: HttpRequest, version: Version) -> dict[str, object]:
        return {**super().shown(request, version), "origin": _origin(version)}

    def softer(self, version: Version) -> dict[str, object] | None:
        """Against the version that was patched. It is computed anew: tools may have got side effects meanwhile."""
        base = _base(version)
        if base is None:
            return None
        harmless = designing.harmless(version.workflow.project)
        several = limits.softens(base.definition, version.definition, harmless)
        listed = several[:MOST_SOFTER]
        return {"than": base.number, "several": listed, "more": len(several) - len(listed)} if several else None


def _origin(version: Version) -> Design | None:
    return Design.objects.filter(draft=version).only("pk", "kind").first()


def _base(version: Version) -> Version | None:
    """The version of which a redesign made this one, as its design context says, which anybody may have written."""
    redesign = version.design_context.get("redesign")
    number = redesign.get("of") if isinstance(redesign, dict) else None
    if not (isinstance(number, str) and semver.Version.is_valid(number)):
        return None
    return version.workflow.versions.filter(number=number).first()


admin.site.unregister(Version)
admin.site.register(Version, DesignedVersionAdmin)
