"""Every setting, read from the environment only. `.env.example` lists the variables."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import dj_database_url
from csp import constants as csp
from django.urls import reverse_lazy
from periodiq import PeriodiqMiddleware

from events import zones
from server import env

# Before anything asks for a zone: Django itself does as soon as these settings are loaded.
zones.pin()

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.key("SECRET_KEY", "a random string of 32 characters or more (`make run` brings its own)")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default="localhost" if DEBUG else None) or ["localhost", "127.0.0.1"]

DATABASE_URL = env.url("DATABASE_URL", "postgres", "postgresql", example="postgresql://user:password@host:5432/name")
REDIS_URL = env.url("REDIS_URL", "redis", "rediss", "unix", example="redis://host:6379/0")

# --- The calendar and the clock ---------------------------------------------------------------------------

#: How many days from a venue's today its calendar is kept full, both ends included.
LOOKAHEAD_DAYS = env.whole_number("LOOKAHEAD_DAYS", 28, 1, 399)
#: How long a generation may stand still before the games that lag behind it are sent again: less than a minute, so that
#: the second tick after a loss does it, and an emptied Redis is made good within three minutes.
RESEND_AFTER_SECONDS = env.whole_number("RESEND_AFTER_SECONDS", 50, 1, 3600)
#: How old the last tick may be before /healthz/scheduler says that the clock is overdue.
TICK_OVERDUE_SECONDS = env.whole_number("TICK_OVERDUE_SECONDS", 150, 60, 3600)
#: How long a worker may be silent before its messages go to another worker.
BROKER_HEARTBEAT_SECONDS = env.whole_number("BROKER_HEARTBEAT_SECONDS", 60, 2, 600)

#: How often a worker says that its runs are alive; after three times that in silence they are tried again.
RUN_HEARTBEAT_SECONDS = env.whole_number("RUN_HEARTBEAT_SECONDS", 8, 1, 60)
#: The finest schedule that a job may have.
MIN_JOB_INTERVAL_SECONDS = env.whole_number("MIN_JOB_INTERVAL_SECONDS", 10, 1, 3600)
#: How long finished runs and past generations are kept.
HISTORY_DAYS = env.whole_number("HISTORY_DAYS", 90, 1, 3650)
#: What a Prometheus server sends to read /metrics; empty: there is no such page.
METRICS_TOKEN = env.bearer("METRICS_TOKEN")
#: The address asked for (GET) after each nightly generation. A service such as Healthchecks tells when that stops.
HEARTBEAT_URL = env.web_address("HEARTBEAT_URL", example="https://hc-ping.com/your-uuid")
#: How many requests a minute one client of the REST API may make of one web process.
API_REQUESTS_PER_MINUTE = env.whole_number("API_REQUESTS_PER_MINUTE", 300, 1, 1_000_000)
#: How many requests a minute one address may make, whatever it asks for: a hall of players may share an address.
REQUESTS_PER_MINUTE = env.whole_number("REQUESTS_PER_MINUTE", 300, 1, 1_000_000)
#: How many proxies stand before the web process and add to X-Forwarded-For: the platform's router, a CDN before it.
PROXIES = env.whole_number("PROXIES", 1, 0, 9)

# The Procfile reads these. A release that finds garbage ends before any process starts with it.
env.host("HOST", "the address that web listens on, such as 0.0.0.0 or [::]")
env.whole_number("PORT", 8000, 1, 65_535)
env.whole_number("WEB_CONCURRENCY", 2, 1, 100)
env.whole_number("WORKER_PROCESSES", 2, 1, 100)
env.whole_number("WORKER_THREADS", 32, 1, 500)

# --- Django -----------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "events",
    "workers",  # before django_dramatiq: its rundramatiq command is ours
    "django_dramatiq",
    "unfold",  # before the admin: its templates take over
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "server",  # last: its admin takes the place of others'
]

MIDDLEWARE = [
    "server.web.hosts.Hosts",  # before whatever asks for the host
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "server.web.csp.Policy",
    "server.web.floods.Floods",
    "server.web.large_bodies.LargeBodies",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "server.web.unavailable.Unavailable",
    "axes.middleware.AxesMiddleware",  # last, as it asks
]

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]

# Where a login leads that names no page of ours.
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"

ROOT_URLCONF = "server.urls"
WSGI_APPLICATION = "server.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

#: How many connections the threads of a process share; 0: each has its own. `rundramatiq` takes 7 unless this is set.
DATABASE_POOL = env.whole_number("DATABASE_POOL", 0, 5, 500, or_zero=True)
#: How long a statement, and its wait for somebody else's lock, may take before it is cancelled; 0: without limit.
STATEMENT_TIMEOUT_SECONDS = env.whole_number("STATEMENT_TIMEOUT_SECONDS", 30, 0, 3600)
LOCK_TIMEOUT_SECONDS = env.whole_number("LOCK_TIMEOUT_SECONDS", 5, 0, 3600)

DATABASES = {
    "default": dj_database_url.parse(DATABASE_URL, conn_max_age=0 if DATABASE_POOL else 600, conn_health_checks=True),
}
_options = DATABASES["default"].setdefault("OPTIONS", {})
_options.update(
    connect_timeout=5,
    # A server that vanished without closing the connection is noticed within these seconds rather than after hours.
    keepalives_idle=10,
    keepalives_interval=5,
    keepalives_count=3,
    tcp_user_timeout=20_000,  # ms
    options=(
        f"{_options.get('options', '')}"  # those that DATABASE_URL gives
        f" -c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s -c lock_timeout={LOCK_TIMEOUT_SECONDS}s"
        " -c idle_in_transaction_session_timeout=60s"  # a process that is frozen gives its locks back
    ),
)
if DATABASE_POOL:
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 0,
        "max_size": DATABASE_POOL,
        "timeout": 10,  # seconds to wait for a free connection
        "reconnect_timeout": 5,  # otherwise its attempts grow rarer the longer PostgreSQL is away
        "max_idle": 60,
    }

# Each web process has its own: a throttle must not depend on Redis. One attacker could fill the usual 300 entries.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en-au"
# The clock of the whole system; periodiq follows it too. A venue's own zone decides about its sessions.
TIME_ZONE = "Australia/Sydney"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Static files are served from the packages, so that no deploy depends on a collectstatic that somebody forgot.
WHITENOISE_USE_FINDERS = True

# A platform ends TLS in its router and says so in this header.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|healthz/scheduler)$"]
SECURE_HSTS_SECONDS = 0 if DEBUG else 31_536_000
# Only the domain's owner can say whether its other sites use TLS alone.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
#: The largest body that is read, in bytes: what a game with a hundred exceptions takes, several times over.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6_000  # the page of a game with its thousand exceptions
DEFAULT_EXCEPTION_REPORTER_FILTER = "server.web.secrets.Filter"

# What a page may load: our own styles and images, nothing else. See server/web/csp.py for the admin's.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [csp.NONE],
        "style-src": [csp.SELF],
        "img-src": [csp.SELF],
        "form-action": [csp.SELF],
        "base-uri": [csp.NONE],
        "frame-ancestors": [csp.NONE],
    },
}

# Ten wrong passwords for a user name lock it for the address they came from.
AXES_FAILURE_LIMIT = 10
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "server.web.clients.address"
AXES_USERNAME_CALLABLE = "server.web.lockout.username"
AXES_LOCKOUT_CALLABLE = "server.web.lockout.refuse_guesses"
AXES_ENABLE_ADMIN = False  # server/admin.py has its own
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
# Axes keeps neither these parameters nor the password. Names and addresses are what its log and its table are for.
AXES_SENSITIVE_PARAMETERS = ["csrfmiddlewaretoken"]

# Mail goes to the console unless a server is named.
EMAIL_HOST = env.host("EMAIL_HOST", "nothing, or a host name such as smtp.example.com")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_PORT = env.whole_number("EMAIL_PORT", 587, 1, 65_535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "a name", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "a password", "")
EMAIL_USE_TLS = EMAIL_PORT == 587
EMAIL_USE_SSL = EMAIL_PORT == 465
EMAIL_TIMEOUT = 20
#: Who is told when something is wrong: see workers/monitoring/alarms.py.
ADMINS = [(address, address) for address in env.addresses("ADMINS")]
EMAIL_SUBJECT_PREFIX = "[poker] "
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.sender("EMAIL_FROM", "poker@localhost")

# --- The admin --------------------------------------------------------------------------------------------


def _entry(title: str, icon: str, model: str) -> dict[str, Any]:
    """A line of the admin's sidebar, shown to people who may open it."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: any(request.user.has_perm(f"{app}.{may}_{name}") for may in ("view", "change")),
    }


UNFOLD = {
    "SITE_TITLE": "Poker venues",
    "SITE_HEADER": "Poker venues",
    "SITE_SYMBOL": "playing_cards",
    "DASHBOARD_CALLBACK": "workers.monitoring.dashboard.add_board",
    "COLORS": {"primary": {"500": "oklch(68% .24 304)"}},  # its own is too dark to read on its dark ground
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Calendar",
                "items": [
                    _entry("Sessions", "event", "events.gamesession"),
                    _entry("Games", "event_repeat", "events.game"),
                    _entry("Closures", "door_front", "events.closure"),
                    _entry("Venues", "storefront", "events.venue"),
                ],
            },
            {
                "title": "Clock",
                "items": [
                    _entry("Scheduled jobs", "schedule", "workers.scheduledjob"),
                    _entry("Runs", "history", "workers.run"),
                ],
            },
            {
                "title": "People",
                "items": [
                    _entry("Users", "person", "auth.user"),
                    _entry("Groups", "group", "auth.group"),
                    # Django REST framework registers a proxy of its own model in the admin.
                    _entry("Tokens", "key", "authtoken.tokenproxy"),
                    _entry("Wrong passwords", "lock_person", "axes.accessattempt"),
                ],
            },
        ],
    },
}

# --- REST -------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    # No forms with files: those would be written to the disk as they come.
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser", "rest_framework.parsers.FormParser"],
    "DEFAULT_THROTTLE_CLASSES": ["server.web.clients.Throttle"],
    "DEFAULT_THROTTLE_RATES": {"user": f"{API_REQUESTS_PER_MINUTE}/min"},
    "EXCEPTION_HANDLER": "events.api.conventions.explain",
    "DEFAULT_PAGINATION_CLASS": "events.api.conventions.Pagination",
    "DEFAULT_FILTER_BACKENDS": ["events.api.conventions.KnownParameters", "events.api.conventions.StableOrdering"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Poker venues",
    "DESCRIPTION": "Venues, their recurring games, and the calendar of sessions kept full from them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "server.web.schema.add_refusals",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# --- Workers ----------------------------------------------------------------------------------------------

DRAMATIQ_AUTODISCOVER_MODULES = ["actors"]
DRAMATIQ_BROKER = {
    "BROKER": "workers.broker.Broker",
    "OPTIONS": {"redis_url": REDIS_URL, "heartbeat_seconds": BROKER_HEARTBEAT_SECONDS},
    "MIDDLEWARE": [
        "django_dramatiq.middleware.DbConnectionsMiddleware",
        "dramatiq.middleware.TimeLimit",
        "dramatiq.middleware.ShutdownNotifications",
        "dramatiq.middleware.Retries",
        "dramatiq.middleware.CurrentMessage",
        # Lateness is judged by the actors themselves; periodiq's own rule would drop retries too.
        PeriodiqMiddleware(skip_delay=10**9),
        "workers.broker.OneSigterm",
        "workers.broker.Watchdog",
        "workers.broker.ClockWatch",
        "workers.broker.Life",
    ],
}

# --- Logs -------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "workers.monitoring.lines.Lines"},
        "json": {"()": "workers.monitoring.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "workers.monitoring.outages.Console",
            "formatter": "json" if env.flag("JSON_LOGS") else "line",
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": []},  # the root handles its lines; with Django's own handler each would be written twice
        "periodiq": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},  # no line for each refusal: a flood of requests would be one of lines too
    },
}

if SENTRY_DSN := env.dsn("SENTRY_DSN", example="https://key@sentry.example.com/1"):
    try:
        import sentry_sdk
    except ImportError:
        sys.exit("SENTRY_DSN is set and its package is not installed: pip install sentry-sdk, or leave it empty.")
    sentry_sdk.init(SENTRY_DSN)
