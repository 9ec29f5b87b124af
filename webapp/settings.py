"""Settings, all from the environment; by default, everything is embedded under var/."""

import os
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import quote

from django.core.management.utils import get_random_secret_key

from backfill import logs, private_files
from webapp import setting_schema

BASE_DIR = setting_schema.BASE_DIR
env = setting_schema.LiteralEnv()
env.read_env(setting_schema.ENV_FILE)

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
    # Removed, so that child processes do not warn again.
    if (old_value := os.environ.pop(old_name, None)) is not None:
        sys.stderr.write(
            f"setting {old_name} is now {new_name}; rename it before the next release\n"
        )
        os.environ.setdefault(new_name, old_value)
setting_schema.check(os.environ)


def redis_socket(var: Path) -> Path:
    """Return the socket of the embedded Redis: under var, or in the temporary folder if too long.

    Linux limits the path of a socket to 108 characters.
    """
    path = var / "redis.sock"
    if len(str(path)) < 100:
        return path
    return (
        Path(tempfile.gettempdir())
        / f"backcourt-{os.getuid()}-{sha256(bytes(var)).hexdigest()[:12]}.sock"
    )


def kept_secret(path: Path) -> str:
    """Return the secret key, generated on the first start and shared by all processes."""
    # Link the complete file into place: two processes that start simultaneously read the same key.
    with (
        suppress(FileExistsError),
        tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret") as made,
    ):
        made.write(get_random_secret_key())
        made.flush()
        os.link(made.name, path)
    return path.read_text(encoding="utf-8")


# Folder of the embedded database, warehouse, logs and secret key, only for this user. Every process
# imports this module before it writes a file.
os.umask(private_files.UMASK)
VAR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).absolute()
UPLOADS = VAR / "uploads"
for private_folder in (VAR, UPLOADS):
    private_files.make_private(private_folder)

# Commit of the running code, for an image without .git.
GIT_COMMIT = env.str("GIT_COMMIT", default="")

# Logs to stderr, as text or JSON: warnings; long-running processes also log INFO
# (webapp.gunicorn_conf, webapp.celery).
LOG_FORMAT = env.str("LOG_FORMAT", default="text")
LOGGING = logs.configuration(LOG_FORMAT)

# Security
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
SECRET_KEY = env.str("SECRET_KEY", default="") or kept_secret(VAR / "secret_key")
# HTTPS redirects to HTTPS and restricts cookies to it; off by default, because the embedded panel
# listens only on this host.
HTTPS = env.bool("HTTPS", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = ["^(healthz|readyz)$"]  # the process manager calls them without HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
)
if SECURE_PROXY_SSL_HEADER:
    # Prometheus scrapes each replica, not the proxy; requests between them have no HTTPS either.
    SECURE_REDIRECT_EXEMPT += ["^metrics$"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "webapp.pages.errors.csrf_failed"
X_FRAME_OPTIONS = "DENY"
SESSION_ENGINE = "webapp.auth.sessions"
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
    "django.contrib.admin.apps.SimpleAdminConfig",  # only webapp.urls imports webapp.auth.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "backfill",
    "webapp",
]
MIDDLEWARE = [
    "webapp.middleware.request_log.RequestLogMiddleware",
    "webapp.middleware.problems.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "webapp.middleware.static_files.StaticFilesMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "webapp.live.middleware.LiveMiddleware",
    "webapp.middleware.text_input.TextInputMiddleware",
    "webapp.middleware.sessions.ReadableSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "webapp.middleware.history.HistoryMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "webapp.auth.permissions.LoginRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "webapp.middleware.errors.ErrorMiddleware",
    "webapp.middleware.own_writes.OwnWritesMiddleware",
]
# Traces: an OpenTelemetry collector. The SDK reads the other OTEL_* variables itself.
OTEL_EXPORTER_OTLP_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
if OTEL_EXPORTER_OTLP_ENDPOINT:
    MIDDLEWARE.insert(0, "webapp.middleware.tracing.TraceMiddleware")
# Lineage: an OpenLineage service, its token, and the namespace of the jobs there.
OPENLINEAGE_URL = env.str("OPENLINEAGE_URL", default="")
OPENLINEAGE_API_KEY = env.str("OPENLINEAGE_API_KEY", default="")
OPENLINEAGE_NAMESPACE = env.str("OPENLINEAGE_NAMESPACE", default="backcourt")

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
                "webapp.templatetags.live",
                "webapp.templatetags.panel",
                "webapp.templatetags.tables",
            ],
        },
    }
]

# Per process. An entry is at most the content of a job's page, about 0.5 MB.
LOCAL_CACHE = "django.core.cache.backends.locmem.LocMemCache"
CACHES = {"default": {"BACKEND": LOCAL_CACHE, "OPTIONS": {"MAX_ENTRIES": 500}}}

# Users of a role share the content of a page for this long.
SHARED_SECONDS = 1

# Users
AUTH_USER_MODEL = "webapp.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "login", "home", "login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Delay after this many wrong passwords of a name from an address, and of an address with any name.
# It doubles with each further failure, up to LOGIN_LOCK_MINUTES (webapp.auth.throttle).
LOGIN_FAILURE_LIMIT = env.int("LOGIN_FAILURE_LIMIT", default=5)
LOGIN_ADDRESS_FAILURE_LIMIT = env.int("LOGIN_ADDRESS_FAILURE_LIMIT", default=50)
LOGIN_LOCK_MINUTES = env.int("LOGIN_LOCK_MINUTES", default=15)
# Days until a new or renewed API token expires.
TOKEN_DAYS = env.int("TOKEN_DAYS", default=90)
# Addresses or networks of proxies whose X-Forwarded-For names the client.
TRUSTED_PROXIES = [ip_network(t, strict=False) for t in env.list("TRUSTED_PROXIES", default=[])]

# Static files: named by content hash, compressed once, cached forever by browsers.
STATIC_URL = "static/"
# Never in DATA_DIR: a volume there would hide those of an image, or keep those of an older version.
STATIC_ROOT = setting_schema.COLLECTED / "static"
# Pages link only hashed names; compressing both copies would double the time.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
STATICFILES_DIRS = [BASE_DIR / "static"]
FILE_UPLOAD_PERMISSIONS = 0o600  # also of collected static files; Django's default ignores umask
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# The panel: address, processes and threads per process.
WEB_ADDRESS = env.str("WEB_ADDRESS", default="127.0.0.1:8000")
WEB_PROCESSES = env.int("WEB_PROCESSES", default=2)
WEB_THREADS = env.int("WEB_THREADS", default=4)
# Open connections per address and process; 0 for no limit, as behind a proxy.
WEB_CONNECTIONS_PER_ADDRESS = (
    0 if SECURE_PROXY_SSL_HEADER else env.int("WEB_CONNECTIONS_PER_ADDRESS", default=100)
)
# Launches of operators with more dates need approval.
APPROVAL_THRESHOLD_DATES = env.int("APPROVAL_THRESHOLD_DATES", default=400)

# Load page: folders of the server that it offers, and the maximum size of an upload, which is
# streamed to disk.
SOURCE_OWNERS = env.dict("SOURCE_OWNERS", default={})
LOAD_FOLDERS = env.list("LOAD_FOLDERS", default=[])
UPLOAD_MAX_MB = env.int("UPLOAD_MAX_MB", default=200)
FILE_UPLOAD_HANDLERS = ["webapp.pages.load.uploads.UploadHandler"]
FILE_UPLOAD_TEMP_DIR = UPLOADS

# Notification targets (Apprise URLs), and the address of the panel for links in notifications.
NOTIFY_URLS = env.list("NOTIFY_URLS", default=[])
PANEL_URL = env.str("PANEL_URL", default=f"http://{WEB_ADDRESS}")

# Database: SQLite in WAL mode, so that readers never wait for a writer; IMMEDIATE, so that writers
# queue at the start of a transaction instead of failing within it.
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{VAR}/backcourt.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # Parameters of the URL take precedence. Other timeouts are in the database
    # (backfill.session_defaults), for PgBouncer, which would also lose a cursor of a session.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
    DATABASES["default"]["OPTIONS"] = {
        "connect_timeout": 5,
        **DATABASES["default"].get("OPTIONS", {}),
    }
    DATABASES["default"] = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, **DATABASES["default"]}

# Warehouse: parquet:DIR, embedded, or bigquery://PROJECT[/PREFIX][?location=PLACE].
WAREHOUSE_URL = env.str("WAREHOUSE_URL", default=f"parquet:{VAR}/warehouse")
WAREHOUSE_THREADS = env.int("WAREHOUSE_THREADS", default=1)
WAREHOUSE_MEMORY = env.str("WAREHOUSE_MEMORY", default="1GB")
WAREHOUSE_SPILL = env.str("WAREHOUSE_SPILL", default="10GB")
# BigQuery: maximum bytes read by a statement, price, and labels added to every BigQuery job.
BIGQUERY_MAX_BYTES = env.int("BIGQUERY_MAX_BYTES", default=100 * 2**30)
BIGQUERY_PRICE_PER_TIB = env.float("BIGQUERY_PRICE_PER_TIB", default=6.25)
BIGQUERY_LABELS = env.dict("BIGQUERY_LABELS", default={})

# Concurrency limit: batches in flight. A DuckDB statement of this size uses about one core.
MAX_PARALLEL_BATCHES = env.int("MAX_PARALLEL_BATCHES", default=2)

# Audit the seasons of a job when it ends; `manage.py triage` runs an audit at any time.
AUDIT_AFTER_JOBS = env.bool("AUDIT_AFTER_JOBS", default=True)

# Worker processes per host.
WORKER_PROCESSES = env.int("WORKER_PROCESSES", default=2)

# Liveness. A worker without a heartbeat for WORKER_DEAD_AFTER_SECONDS is dead; a batch untouched for
# BATCH_LOST_AFTER_SECONDS while a worker is idle is lost. With these defaults, a job resumes within
# 15 s after any kill (bench/recovery.py).
HEARTBEAT_SECONDS = env.int("HEARTBEAT_SECONDS", default=1)
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=3)
BATCH_LOST_AFTER_SECONDS = env.int("BATCH_LOST_AFTER_SECONDS", default=6)
WORKER_DEAD_AFTER_SECONDS = env.int("WORKER_DEAD_AFTER_SECONDS", default=8)

# Redis only triggers workers; the database holds all state. The default is the Redis of bin/up, on a
# socket that only this user can open.
REDIS_SOCKET = redis_socket(VAR)
OWN_REDIS_URL = f"redis+socket://{quote(str(REDIS_SOCKET))}"
REDIS_URL = setting_schema.redis_url(env.str("REDIS_URL", default="") or OWN_REDIS_URL)
TASK_APP = "webapp.celery.app"
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True  # chords count without results, and no code reads them
CELERY_RESULT_EXPIRES = 3600
CELERY_TASK_DEFAULT_QUEUE = "backcourt"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = WORKER_PROCESSES
# Seconds before a hanging step is killed with its process.
CELERY_TASK_TIME_LIMIT = STEP_TIME_LIMIT_SECONDS = env.int("STEP_TIME_LIMIT_SECONDS", default=3600)
# Kilobytes; a larger process is replaced after its step.
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_500_000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Longer than any step: an earlier redelivery is harmless but useless, because the sweep is faster.
_SOCKET = {"socket_connect_timeout": 5, "socket_timeout": 30}
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600, **_SOCKET}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"retry_policy": {"timeout": 2.0}}
# Days that superseded runs and messages, logs and versions are kept; 0: forever, no versions.
KEEP_DAYS = env.int("KEEP_DAYS", default=0)
KEEP_VERSIONS_DAYS = env.int("KEEP_VERSIONS_DAYS", default=14)
VERSIONS_MAX_GB = env.int("VERSIONS_MAX_GB", default=0)  # 0: no limit
RUN_LOG_DAYS = env.int("RUN_LOG_DAYS", default=90)
RUN_LOG_MAX_KB = env.int("RUN_LOG_MAX_KB", default=256)  # the log of one step
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "backfill.execution.tasks.sweep",
        "schedule": SWEEP_SECONDS,
        "options": {"expires": SWEEP_SECONDS},
    }
}

# Pub/Sub topic of the Phase 5 trigger: projects/PROJECT/topics/TOPIC. Without it, messages are only
# recorded.
PUBSUB_TOPIC = env.str("PUBSUB_TOPIC", default="")
