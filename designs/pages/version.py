"""What designs add to the page of a version: which one it came of."""

from django.contrib import admin
from django.http import HttpRequest

from evaluations.pages.searching import SearchedVersionAdmin
from workflows.models import Version

from ..models import Design


class DesignedVersionAdmin(SearchedVersionAdmin):
    def shown(self, request: HttpRequest, version: Version) -> dict[str, object]:
        return {**super().shown(request, version), "origin": _origin(version)}


def _origin(version: Version) -> Design | None:
    return Design.objects.filter(draft=version).only("pk", "kind").first()


admin.site.unregister(Version)
admin.site.register(Version, DesignedVersionAdmin)
