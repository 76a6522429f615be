"""The least that Django REST framework does to answer a definition by its name: no key, no project, no versions. It is what
the product's own view is measured against."""

from urllib.parse import urlsplit

import django
from django.conf import settings

from benchmarks.peers.protocol import Place

_where = urlsplit(Place.here().database)
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _where.path.strip("/"),
            "USER": _where.username,
            "HOST": _where.hostname,
            "PORT": _where.port,
            "CONN_MAX_AGE": None,
        }
    },
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # which says how long an answer is
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    USE_TZ=True,
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Definition(models.Model):
    name = models.CharField(max_length=100, primary_key=True)
    body = models.JSONField()

    class Meta:
        app_label = "bench"
        managed = False


class Detail(APIView):
    def get(self, request: Request, name: str) -> Response:
        found = Definition.objects.get(name=name)
        return Response({"name": found.name, "definition": found.body})


urlpatterns = [path("definitions/<str:name>", Detail.as_view())]
application = get_wsgi_application()
