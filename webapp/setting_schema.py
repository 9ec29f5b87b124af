"""Schema of the settings: one row for each, checked before any value is used.

`.env.example` describes the settings; a test checks that both name the same ones.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from backfill.logs import FORMATS, escaped
from backfill.telemetry import log_streams
from backfill.telemetry.log_lines import hide

BASE_DIR = Path(__file__).resolve().parent.parent
ENV_FILE = BASE_DIR / ".env"
COLLECTED = BASE_DIR / "collected"

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
DAY = 24 * 3600
HOST = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)"


class LiteralEnv(environ.Env):  # type: ignore[misc]
    """Environment whose values are literal: django-environ reads one that begins with `$`, as a
    password can, as the name of another variable.
    """

    def get_value(
        self,
        var: str,
        cast: Any = None,
        default: Any = environ.Env.NOTSET,
        parse_default: Any = False,
    ) -> Any:
        """Return the value of a setting, or its default."""
        value = os.environ.get(var)
        return default if value is None else self.parse_value(value, cast)


@dataclass(frozen=True)
class ValueRule:
    """Condition on the text of a setting, and its description for the error message."""

    description: str
    accepts: Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Setting with its rule and an example. The value of a secret is not printed."""

    name: str
    rule: ValueRule
    example: str
    is_secret: bool = False

    def error(self, value: str) -> str:
        """Return the error of a value in one sentence; empty if it is valid."""
        try:
            if self.rule.accepts(value):
                return ""
        except (ValueError, TypeError, ArithmeticError):
            pass  # the rule could not read the value
        given = "is not valid" if self.is_secret else f"is {escaped(value)!r}"
        return f"{self.name} {given}; use {self.rule.description}, for example {self.example}"


def whole(low: int, high: int) -> ValueRule:
    """Return the rule of a whole number in a range."""
    return ValueRule(
        f"a whole number from {low} to {high}",
        lambda text: re.fullmatch(r"\d{1,18}", text) and low <= int(text) <= high,
    )


def pattern(description: str, expression: str) -> ValueRule:
    """Return the rule of a text that matches a regular expression."""
    return ValueRule(description, re.compile(expression).fullmatch)


def each(rule: ValueRule) -> ValueRule:
    """Return the rule of a comma-separated list, which can be empty."""
    return ValueRule(
        f"a comma-separated list of {rule.description}",
        lambda text: all(rule.accepts(item.strip()) for item in text.split(",") if item.strip()),
    )


def _holds(folder: str) -> Callable[[Path], bool]:
    """Return whether a folder is, or contains, a path."""
    return lambda path: path.resolve().is_relative_to(Path(folder).resolve())


def is_price(text: str) -> bool:
    """Return True for a price in dollars."""
    try:
        return 0 <= Decimal(text) <= 1000
    except InvalidOperation:
        return False


def is_secret_key(text: str) -> bool:
    """Return True for an empty key, which Backcourt replaces, or a long random one."""
    return not text or (len(text) >= 50 and len(set(text)) >= 5)


def is_address(text: str) -> bool:
    """Return True for a host and a port."""
    host, _, port = text.rpartition(":")
    return bool(re.fullmatch(HOST, host)) and port.isdecimal() and 0 < int(port) < 65536


def is_database_url(text: str) -> bool:
    """Return True for the URL of a SQLite file or of a PostgreSQL database."""
    if re.fullmatch(r"sqlite:///[^?#]+", text):
        return True
    if not text.startswith(("postgresql://", "postgres://")):
        return False
    from psycopg.conninfo import make_conninfo

    config = environ.Env.db_url_config(text)
    return bool(config["NAME"]) and _is_readable(make_conninfo, config.get("OPTIONS", {}))


def _is_readable(read: Callable[..., object], options: Mapping[str, object]) -> bool:
    from psycopg import Error

    try:
        return bool(read("dbname=x", **options))
    except Error:
        return False


NETWORK = ValueRule("IP addresses or networks", lambda text: ip_network(text, strict=False))
PATH = pattern("a path", r"[^\0\n]+")
# A volume there would hide the program, or keep static files of an older version.
DATA_FOLDER = ValueRule(
    "a folder without the program or its static files",
    lambda text: PATH.accepts(text) and not any(map(_holds(text), (BASE_DIR, COLLECTED))),
)
BOOLEAN = ValueRule("true or false", lambda text: text.lower() in ("", *TRUE, *FALSE))
ORIGIN = pattern("http:// or https:// with a host", rf"https?://{HOST}(:\d{{1,5}})?(/\S*)?")
OPTIONAL_ORIGIN = pattern(ORIGIN.description, rf"|https?://{HOST}(:\d{{1,5}})?(/\S*)?")
ORIGIN_PATTERN = pattern(
    "http:// or https:// with a host", r"https?://(\*\.)?[A-Za-z0-9_.-]+(:\d{1,5})?"
)
ALLOWED_HOST = pattern("host names", rf"\*|\.?{HOST}")
MEMORY = pattern("a size with its unit", r"(?i)0*[1-9]\d{0,8}(\.\d+)? ?[KMGT]i?B")
LABEL = pattern("name=value", r"[a-z0-9][a-z0-9_-]{0,62}=[a-z0-9_-]{0,63}")
OWNER = pattern("TABLE=name", r"[A-Za-z0-9_.]{1,80}=[^=\x00-\x1f\x7f]{1,100}")
TEXT = pattern("one line of text", r"[^\x00-\x1f\x7f]*")
SECONDS = whole(1, DAY)

SETTINGS = (
    Setting(name="DATA_DIR", rule=DATA_FOLDER, example="var"),
    Setting(
        name="DATABASE_URL",
        rule=ValueRule(
            "sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME", is_database_url
        ),
        example="sqlite:///var/backcourt.sqlite3",
        is_secret=True,
    ),
    Setting(
        name="WAREHOUSE_URL",
        rule=pattern("parquet:FOLDER or bigquery://PROJECT", r"parquet:.+|bigquery:.+"),
        example="parquet:var/warehouse",
    ),
    Setting(name="WAREHOUSE_THREADS", rule=whole(1, 256), example="1"),
    Setting(name="WAREHOUSE_MEMORY", rule=MEMORY, example="1GB"),
    Setting(name="WAREHOUSE_SPILL", rule=MEMORY, example="10GB"),
    Setting(name="BIGQUERY_MAX_BYTES", rule=whole(1, 10**17), example="107374182400"),
    Setting(
        name="BIGQUERY_PRICE_PER_TIB",
        rule=ValueRule("a number from 0 to 1000", is_price),
        example="6.25",
    ),
    Setting(name="BIGQUERY_LABELS", rule=each(LABEL), example="team=data,env=production"),
    Setting(name="MAX_PARALLEL_BATCHES", rule=whole(1, 1000), example="2"),
    Setting(name="AUDIT_AFTER_JOBS", rule=BOOLEAN, example="true"),
    Setting(name="APPROVAL_THRESHOLD_DATES", rule=whole(0, 10**6), example="400"),
    Setting(name="WORKER_PROCESSES", rule=whole(1, 256), example="2"),
    Setting(
        name="REDIS_URL",
        rule=pattern("redis://HOST:PORT/NUMBER", r"|(redis|rediss|redis\+socket|unix)://.+"),
        example="redis://localhost:6379/0",
        is_secret=True,
    ),
    Setting(name="HEARTBEAT_SECONDS", rule=SECONDS, example="2"),
    Setting(name="SWEEP_SECONDS", rule=SECONDS, example="5"),
    Setting(name="BATCH_LOST_AFTER_SECONDS", rule=SECONDS, example="15"),
    Setting(name="WORKER_DEAD_AFTER_SECONDS", rule=SECONDS, example="45"),
    Setting(name="KEEP_DAYS", rule=whole(0, 36_500), example="400"),
    Setting(name="KEEP_VERSIONS_DAYS", rule=whole(0, 3_650), example="14"),
    Setting(name="VERSIONS_MAX_GB", rule=whole(0, 1_000_000), example="50"),
    Setting(name="RUN_LOG_DAYS", rule=whole(0, 36_500), example="90"),
    Setting(name="RUN_LOG_MAX_KB", rule=whole(16, 16_384), example="256"),
    Setting(name="STEP_TIME_LIMIT_SECONDS", rule=SECONDS, example="3600"),
    Setting(
        name="PUBSUB_TOPIC",
        rule=pattern("projects/PROJECT/topics/TOPIC", r"|projects/[^/\s]+/topics/[^/\s]+"),
        example="projects/nba/topics/phase5",
    ),
    Setting(name="NOTIFY_URLS", rule=TEXT, example="mailto://user:password@host", is_secret=True),
    Setting(name="WEB_ADDRESS", rule=ValueRule("HOST:PORT", is_address), example="127.0.0.1:8000"),
    Setting(name="WEB_PROCESSES", rule=whole(1, 256), example="2"),
    Setting(name="WEB_THREADS", rule=whole(1, 256), example="4"),
    Setting(name="WEB_CONNECTIONS_PER_ADDRESS", rule=whole(0, 10_000), example="100"),
    Setting(
        name="SOURCE_OWNERS",
        rule=each(OWNER),
        example="nba_analytics=Analytics team #nba-analytics,SCHED=League data",
    ),
    Setting(name="LOAD_FOLDERS", rule=each(PATH), example="var/simulated,/data/phase3"),
    Setting(name="UPLOAD_MAX_MB", rule=whole(1, 10_000), example="200"),
    Setting(name="PANEL_URL", rule=ORIGIN, example="https://panel.example.com"),
    Setting(name="LOGIN_FAILURE_LIMIT", rule=whole(1, 1000), example="5"),
    Setting(name="LOGIN_ADDRESS_FAILURE_LIMIT", rule=whole(1, 10_000), example="50"),
    Setting(name="LOGIN_LOCK_MINUTES", rule=whole(1, 10_000), example="15"),
    Setting(name="TOKEN_DAYS", rule=whole(1, 366), example="90"),
    Setting(name="TRUSTED_PROXIES", rule=each(NETWORK), example="10.0.0.0/8,192.168.1.5"),
    Setting(
        name="SECRET_KEY",
        rule=ValueRule("at least 50 random characters", is_secret_key),
        example="the output of: python3 -c 'import secrets; print(secrets.token_urlsafe(50))'",
        is_secret=True,
    ),
    Setting(name="ALLOWED_HOSTS", rule=each(ALLOWED_HOST), example="localhost,127.0.0.1,[::1]"),
    Setting(name="HTTPS", rule=BOOLEAN, example="false"),
    Setting(name="BEHIND_PROXY", rule=BOOLEAN, example="false"),
    Setting(
        name="CSRF_TRUSTED_ORIGINS",
        rule=each(ORIGIN_PATTERN),
        example="https://panel.example.com",
    ),
    Setting(
        name="OTEL_EXPORTER_OTLP_ENDPOINT",
        rule=OPTIONAL_ORIGIN,
        example="http://localhost:4318",
    ),
    Setting(name="OPENLINEAGE_URL", rule=OPTIONAL_ORIGIN, example="http://localhost:5000"),
    Setting(name="OPENLINEAGE_API_KEY", rule=TEXT, example="the token", is_secret=True),
    Setting(
        name="OPENLINEAGE_NAMESPACE",
        rule=pattern("a name without spaces", r"[A-Za-z0-9_.:/-]{1,100}"),
        example="backcourt",
    ),
    Setting(name="DEBUG", rule=BOOLEAN, example="false"),
    Setting(
        name="LOG_FORMAT",
        rule=ValueRule(" or ".join(FORMATS), FORMATS.__contains__),
        example="text",
    ),
    Setting(
        name="GIT_COMMIT", rule=pattern("a commit", r"[0-9A-Za-z._+-]{0,64}"), example="1a2b3c4"
    ),
)


def errors(environment: Mapping[str, str]) -> list[str]:
    """Return an error in one sentence for each setting with an invalid value."""
    given = [(setting, environment.get(setting.name)) for setting in SETTINGS]
    wrong = [setting.error(value) for setting, value in given if value is not None]
    return [error for error in wrong if error] or _conflicts(environment)


def _conflicts(environment: Mapping[str, str]) -> list[str]:
    heartbeat = int(environment.get("HEARTBEAT_SECONDS", 2))
    dead = int(environment.get("WORKER_DEAD_AFTER_SECONDS", 45))
    if heartbeat < dead:
        return []
    return [
        f"WORKER_DEAD_AFTER_SECONDS ({dead}) must be greater than HEARTBEAT_SECONDS ({heartbeat}),"
        " or every worker counts as dead"
    ]


def check(environment: Mapping[str, str]) -> None:
    """Raise ImproperlyConfigured with all errors. Secrets are hidden in the logs of runs."""
    hide(*(environment.get(setting.name, "") for setting in SETTINGS if setting.is_secret))
    if found := errors(environment):
        raise ImproperlyConfigured("; ".join(found))


def load_or_exit(process: str = "") -> None:
    """Load the settings; print an error as one line and exit with 2.

    A long-lived `process` logs everything that it prints, from here on.
    """
    from django.conf import settings

    environ.Env.read_env(ENV_FILE)
    if process:
        log_streams.install(process)

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    environ.Env.read_env(ENV_FILE)
    if process:
        log_streams.install(process)

    try:
        settings.DATABASES["default"]["ENGINE"]
    except Exception as error:  # settings.py runs in here, and a wrong value can raise anything
        kind = "" if isinstance(error, ImproperlyConfigured) else f"{type(error).__name__}: "
        reason = escaped(" ".join(str(error).split()))
        sys.stderr.write(f"the settings cannot be read: {kind}{reason}; see .env.example\n")
        sys.exit(2)


def redis_url(url: str) -> str:
    """Return the URL with verified certificates for `rediss`, which Celery takes from the URL."""
    if not url.startswith("rediss:") or "ssl_cert_reqs=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"
