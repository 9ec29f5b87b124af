"""Settings, all from the environment; unset, everything is embedded under var/."""

import os
import sys
import tempfile
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from backfill import logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

# Names of the previous release, read until the next one.
RENAMED_SETTINGS = {
    "BACKCOURT_VAR": "DATA_DIR",
    "COMMIT": "GIT_COMMIT",
    "JUDGE_AFTER_JOBS": "AUDIT_AFTER_JOBS",
    "LAUNCH_LIMIT": "APPROVAL_THRESHOLD_DATES",
    "LOGIN_TRIES": "LOGIN_FAILURE_LIMIT",
    "LOST_SECONDS": "BATCH_LOST_AFTER_SECONDS",
    "SILENT_SECONDS": "WORKER_DEAD_AFTER_SECONDS",
    "STEP_SECONDS": "STEP_TIME_LIMIT_SECONDS",
    "WORKERS": "WORKER_PROCESSES",
}
for old_name, new_name in RENAMED_SETTINGS.items():
    # Taken out, so that processes started by this one neither warn again nor read two names.
    if (old_value := os.environ.pop(old_name, None)) is not None:
        sys.stderr.write(
            f"setting {old_name} is now {new_name}; rename it before the next release\n"
        )
        os.environ.setdefault(new_name, old_value)


def redis_socket(var: Path) -> Path:
    """Where the embedded Redis listens: under var, unless the path is too long for a socket (108
    characters).
    """
    path = var / "redis.sock"
    if len(str(path)) < 100:
        return path
    return (
        Path(tempfile.gettempdir())
        / f"backcourt-{os.getuid()}-{sha256(bytes(var)).hexdigest()[:12]}.sock"
    )


def kept_secret(path: Path) -> str:
    """The key of this installation, made at the first start: sessions outlive a restart, and
    processes agree on it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Linked into place whole, so that of two processes that start at once each reads the same whole
    # key.
    with (
        suppress(FileExistsError),
        tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret") as made,
    ):
        made.write(get_random_secret_key())
        made.flush()
        os.link(made.name, path)
    return path.read_text(encoding="utf-8")


# Where everything embedded lives.
VAR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).absolute()

# Which commit runs, where no .git can be asked, as in an image.
GIT_COMMIT = env.str("GIT_COMMIT", default="")

# Logs: lines for people or for programs, to stderr. What runs on and on says more than warnings
# (webapp.gunicorn_conf, webapp.celery).
LOG_FORMAT = env.str("LOG_FORMAT", default="text")
if LOG_FORMAT not in logs.FORMATS:
    raise ImproperlyConfigured(
        f"LOG_FORMAT is {LOG_FORMAT!r}; {' or '.join(logs.FORMATS)} is expected"
    )
LOGGING = logs.configuration(LOG_FORMAT)

# Security
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(VAR / "secret_key")
# Behind HTTPS nothing is sent without it; the embedded panel listens on this machine alone,
# without.
HTTPS = env.bool("HTTPS", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = ["^healthz$"]  # whoever restarts the panel asks it directly
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "webapp.pages.errors.csrf_failed"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "font-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# Application
INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # webapp.auth.admin is imported by the site alone
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "backfill",
    "webapp",
]
MIDDLEWARE = [
    "webapp.middleware.request_log.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.auth.permissions.LoginRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webapp.middleware.errors.ErrorMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "webapp.ui.context_processors.panel",
            ],
            "builtins": [
                "django.contrib.humanize.templatetags.humanize",
                "webapp.templatetags.panel",
            ],
        },
    }
]

# Users
AUTH_USER_MODEL = "webapp.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "login", "home", "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Guessing: after so many wrong passwords a name is locked for that address.
AXES_FAILURE_LIMIT = env.int("LOGIN_FAILURE_LIMIT", default=5)
AXES_COOLOFF_TIME = timedelta(minutes=env.int("LOGIN_LOCK_MINUTES", default=15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "login/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

# Static files: named by their content, compressed once, kept for ever by browsers.
STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
WHITENOISE_KEEP_ONLY_HASHED_FILES = (
    True  # every page names them so; compressing the others as well takes twice as long
)
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# The panel: where it listens, with how many processes of how many threads.
WEB_ADDRESS = env.str("WEB_ADDRESS", default="127.0.0.1:8000")
WEB_PROCESSES = env.int("WEB_PROCESSES", default=2)
WEB_THREADS = env.int("WEB_THREADS", default=4)
# What an operator may start by himself, in dates; above it, a second person has to agree.
APPROVAL_THRESHOLD_DATES = env.int("APPROVAL_THRESHOLD_DATES", default=400)

# Who is told what became of a job, as Apprise's URLs; and where the panel is, for links in what
# they read.
NOTIFY_URLS = env.list("NOTIFY_URLS", default=[])
PANEL_URL = env.str("PANEL_URL", default=f"http://{WEB_ADDRESS}")

# Database: SQLite in WAL mode, so that readers never wait for a writer; IMMEDIATE, so that two
# writers queue
# at the start of a transaction instead of failing in its middle.
VAR.mkdir(parents=True, exist_ok=True)
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR}/backcourt.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Nobody waits for ever, neither for the server nor for a row whose holder was stopped in the
    # middle. What the URL
    # says (?connect_timeout=10&conn_max_age=0) comes first.
    waits = "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        "options": waits,
        **DATABASES["default"].get("OPTIONS", {}),
    }
    DATABASES["default"] = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, **DATABASES["default"]}

# Warehouse: parquet:DIR, embedded, or bigquery://PROJECT[/PREFIX][?location=PLACE].
WAREHOUSE_URL = env.str("WAREHOUSE_URL", default=f"parquet:{VAR}/warehouse")
WAREHOUSE_THREADS = env.int("WAREHOUSE_THREADS", default=1)
WAREHOUSE_MEMORY = env.str("WAREHOUSE_MEMORY", default="1GB")
# BigQuery: what one statement may read, what reading costs, and whose every job is, besides its own
# labels.
BIGQUERY_MAX_BYTES = env.int("BIGQUERY_MAX_BYTES", default=100 * 2**30)
BIGQUERY_PRICE_PER_TIB = env.float("BIGQUERY_PRICE_PER_TIB", default=6.25)
BIGQUERY_LABELS = env.dict("BIGQUERY_LABELS", default={})

# How many batches run side by side. DuckDB keeps about one core busy with statements of this size.
MAX_PARALLEL_BATCHES = env.int("MAX_PARALLEL_BATCHES", default=2)

# Whether what a job has run is judged when it ends; `manage.py triage` judges at any time.
AUDIT_AFTER_JOBS = env.bool("AUDIT_AFTER_JOBS", default=True)

# How many processes run steps.
WORKER_PROCESSES = env.int("WORKER_PROCESSES", default=2)

# Jobs. A worker that has not been seen for WORKER_DEAD_AFTER_SECONDS is dead, a batch that nobody has touched
# for BATCH_LOST_AFTER_SECONDS
# while a worker is idle is lost; both are longer than the database may be locked for a while.
HEARTBEAT_SECONDS = env.int("HEARTBEAT_SECONDS", default=2)
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=5)
BATCH_LOST_AFTER_SECONDS = env.int("BATCH_LOST_AFTER_SECONDS", default=15)
WORKER_DEAD_AFTER_SECONDS = env.int("WORKER_DEAD_AFTER_SECONDS", default=45)

# Redis carries doorbells between processes and nothing that cannot be lost. Unset, it is the one
# that bin/up starts,
# on a socket that only this user can open.
REDIS_SOCKET = redis_socket(VAR)
OWN_REDIS_URL = f"redis+socket://{quote(str(REDIS_SOCKET))}"
REDIS_URL = env.str("REDIS_URL", default="") or OWN_REDIS_URL
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True  # what a chord counts is not the results; nobody reads those
CELERY_RESULT_EXPIRES = 3600
CELERY_TASK_DEFAULT_QUEUE = "backcourt"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = WORKER_PROCESSES
# A step that hangs is killed with its process.
CELERY_TASK_TIME_LIMIT = STEP_TIME_LIMIT_SECONDS = env.int("STEP_TIME_LIMIT_SECONDS", default=3600)
# Kilobytes; a larger process is replaced between two steps.
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_500_000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Longer than any step: a message that is delivered twice is harmless, but no help either, as the
# sweep is faster.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 6 * 3600,
    "socket_connect_timeout": 5,
    "socket_timeout": 30,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"retry_policy": {"timeout": 2.0}}
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "backfill.execution.tasks.sweep",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    }
}

# Pub/Sub: who is told that a date is complete, as projects/PROJECT/topics/TOPIC. Unset, that is
# only recorded.
PUBSUB_TOPIC = env.str("PUBSUB_TOPIC", default="")
