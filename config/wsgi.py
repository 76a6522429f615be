"""The WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

from wire.wsgi import well_behaved

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = well_behaved(get_wsgi_application())
