"""The web process."""

import os

import django
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
django.setup()

from webapp.ops.static_files import collect_or_exit  # noqa: E402  needs the apps

collect_or_exit()  # first, because the application lists them when it starts
application = get_wsgi_application()
