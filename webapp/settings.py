"""Settings, all from the environment; unset, everything is embedded under var/."""

import os
import tempfile
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import environ
from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")


def redis_socket(var: Path) -> Path:
    """Where the embedded Redis listens: under var, unless the path is too long for a socket (108 characters)."""
    path = var / "redis.sock"
    if len(str(path)) < 100:
        return path
    return Path(tempfile.gettempdir()) / f"backcourt-{os.getuid()}-{sha256(bytes(var)).hexdigest()[:12]}.sock"


# Where everything embedded lives.
VAR = Path(env.str("BACKCOURT_VAR", default=str(BASE_DIR / "var"))).absolute()

# Security
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# Without one, each process makes its own: safe, and good enough until there are sessions to keep.
SECRET_KEY = env.str("SECRET_KEY", default="") or get_random_secret_key()

# Application
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "backfill",
]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "webapp.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

# Database: SQLite in WAL mode, so that readers never wait for a writer; IMMEDIATE, so that two writers queue
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
    # Nobody waits for ever, neither for the server nor for a row whose holder was stopped in the middle. What the URL
    # says (?connect_timeout=10&conn_max_age=0) comes first.
    waits = "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"
    DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5, "options": waits, **DATABASES["default"].get("OPTIONS", {})}
    DATABASES["default"] = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, **DATABASES["default"]}

# Warehouse: parquet:DIR, embedded.
WAREHOUSE_URL = env.str("WAREHOUSE_URL", default=f"parquet:{VAR}/warehouse")
WAREHOUSE_THREADS = env.int("WAREHOUSE_THREADS", default=1)
WAREHOUSE_MEMORY = env.str("WAREHOUSE_MEMORY", default="1GB")

# How many batches run side by side. DuckDB keeps about one core busy with statements of this size.
MAX_PARALLEL_BATCHES = env.int("MAX_PARALLEL_BATCHES", default=2)

# Whether what a job has run is judged when it ends; `manage.py triage` judges at any time.
JUDGE_AFTER_JOBS = env.bool("JUDGE_AFTER_JOBS", default=True)

# How many processes run steps.
WORKERS = env.int("WORKERS", default=2)

# Jobs. A worker that has not been seen for SILENT_SECONDS is dead, a batch that nobody has touched for LOST_SECONDS
# while a worker is idle is lost; both are longer than the database may be locked for a while.
HEARTBEAT_SECONDS = env.int("HEARTBEAT_SECONDS", default=2)
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=5)
LOST_SECONDS = env.int("LOST_SECONDS", default=15)
SILENT_SECONDS = env.int("SILENT_SECONDS", default=45)

# Redis carries doorbells between processes and nothing that cannot be lost. Unset, it is the one that bin/up starts,
# on a socket that only this user can open.
REDIS_SOCKET = redis_socket(VAR)
OWN_REDIS_URL = f"redis+socket://{quote(str(REDIS_SOCKET))}"
REDIS_URL = env.str("REDIS_URL", default="") or OWN_REDIS_URL
CELERY_BROKER_URL = CELERY_RESULT_BACKEND = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True  # what a chord counts is not the results; nobody reads those
CELERY_RESULT_EXPIRES = 3600
CELERY_TASK_DEFAULT_QUEUE = "backcourt"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = WORKERS
CELERY_TASK_TIME_LIMIT = STEP_SECONDS = env.int("STEP_SECONDS", default=3600)  # one that hangs is killed with its process
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_500_000  # kilobytes; a process that has grown so far is replaced between two steps
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Longer than any step: a message that is delivered twice is harmless, but no help either, as the sweep is faster.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600, "socket_connect_timeout": 5, "socket_timeout": 30}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"retry_policy": {"timeout": 2.0}}
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "backfill.tasks.sweep", "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS}}
}

# Pub/Sub: who is told that a date is complete, as projects/PROJECT/topics/TOPIC. Unset, that is only recorded.
PUBSUB_TOPIC = env.str("PUBSUB_TOPIC", default="")
