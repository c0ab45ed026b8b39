"""The entry of web servers."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tenantpilot.settings")
os.environ.setdefault("TENANTPILOT_PROCESS", "web")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
