"""Settings, all from the environment; unset, everything is embedded under var/."""

from pathlib import Path

import environ
from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

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

# Warehouse: parquet:DIR, embedded.
WAREHOUSE_URL = env.str("WAREHOUSE_URL", default=f"parquet:{VAR}/warehouse")
WAREHOUSE_THREADS = env.int("WAREHOUSE_THREADS", default=1)
WAREHOUSE_MEMORY = env.str("WAREHOUSE_MEMORY", default="1GB")

# How many batches run side by side. DuckDB keeps about one core busy with statements of this size.
MAX_PARALLEL_BATCHES = env.int("MAX_PARALLEL_BATCHES", default=2)
