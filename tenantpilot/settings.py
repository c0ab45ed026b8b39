"""Settings of every environment, read from environment variables (docs/development.md lists them)."""

from datetime import timedelta
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from tenantpilot import env

KNOWN = {
    "TENANTPILOT_ARCHIVE_KEEP_DAYS",
    "TENANTPILOT_ALLOWED_HOSTS",
    "TENANTPILOT_CREDENTIAL_KEYS",
    "TENANTPILOT_DEBUG",
    "TENANTPILOT_ENV",
    "TENANTPILOT_HEARTBEAT_SECONDS",
    "TENANTPILOT_HOME",
    "TENANTPILOT_HTTPS",
    "TENANTPILOT_LEASE_SECONDS",
    "TENANTPILOT_LOG_FORMAT",
    "TENANTPILOT_LOG_LEVEL",
    "TENANTPILOT_MAIL_FROM",
    "TENANTPILOT_MAIL_URL",
    "TENANTPILOT_METRICS_TOKEN",
    "TENANTPILOT_PROCESS",
    "TENANTPILOT_PROXY_COUNT",
    "TENANTPILOT_PUBLIC_URL",
    "TENANTPILOT_REAPER_SECONDS",
    "TENANTPILOT_RELAY_SECONDS",
    "TENANTPILOT_RETRY_BASE_SECONDS",
    "TENANTPILOT_SECRET_KEY",
    "TENANTPILOT_SELF_FENCE_SECONDS",
    "TENANTPILOT_STATIC_ROOT",
}
env.refuse_unknown("TENANTPILOT_", KNOWN)

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = env.choice("TENANTPILOT_ENV", ("demo", "test", "production"), "production")
PROCESS = env.choice("TENANTPILOT_PROCESS", ("web", "worker", "beat", "command"), "command")
PRODUCTION = ENVIRONMENT == "production"

DEBUG = env.boolean("TENANTPILOT_DEBUG", False)
SECRET_KEY = env.text("TENANTPILOT_SECRET_KEY")
CREDENTIAL_KEYS = env.items("TENANTPILOT_CREDENTIAL_KEYS")
GRAPH_HOST_MAP = env.host_map("GRAPH_HOST_MAP")
ALLOWED_HOSTS = env.items("TENANTPILOT_ALLOWED_HOSTS")
METRICS_TOKEN = env.text("TENANTPILOT_METRICS_TOKEN")
PUBLIC_URL = env.text("TENANTPILOT_PUBLIC_URL").rstrip("/")
HTTPS = env.boolean("TENANTPILOT_HTTPS", PRODUCTION)

if not SECRET_KEY:
    raise ImproperlyConfigured("TENANTPILOT_SECRET_KEY is missing.")
if not CREDENTIAL_KEYS:
    raise ImproperlyConfigured(
        "TENANTPILOT_CREDENTIAL_KEYS is missing: make one with `manage.py credential_key`."
    )
if PRODUCTION:
    if DEBUG:
        raise ImproperlyConfigured("TENANTPILOT_DEBUG can't be on in production.")
    if SECRET_KEY.startswith("demo-") or any(key.startswith("demo-") for key in CREDENTIAL_KEYS):
        raise ImproperlyConfigured("Production can't start with the secrets of the demo.")
    if GRAPH_HOST_MAP:
        raise ImproperlyConfigured("GRAPH_HOST_MAP points to a sandbox: it can't be set in production.")
    if not ALLOWED_HOSTS:
        raise ImproperlyConfigured("TENANTPILOT_ALLOWED_HOSTS is missing.")
    if not PUBLIC_URL.startswith("https://"):
        raise ImproperlyConfigured("TENANTPILOT_PUBLIC_URL must be the https address of the console.")

INSTALLED_APPS = [
    "tenantpilot.tenancy",
    "tenantpilot.audit",
    "tenantpilot.console",
    "tenantpilot.console.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "guardian",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "django_celery_beat",
    "csp",
    "axes",
    "providers",
    "operations",
    "onboarding",
    "tenantpilot.people",
    "tenantpilot.records",
    "tenantpilot.lifecycle",
    "tenantpilot.quickstart",
]

MIDDLEWARE = [
    "tenantpilot.core.logs.RequestIdMiddleware",
    "tenantpilot.audit.where.WhereMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenantpilot.console.middleware.ExpiredSessionMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "tenantpilot.urls"
WSGI_APPLICATION = "tenantpilot.wsgi.application"
APPEND_SLASH = False

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
                "tenantpilot.console.context.shell",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]

# Timeouts travel as connection options, so that they cost no statement.
TIMEOUTS = {"web": "-c lock_timeout=2000 -c statement_timeout=5000", "worker": "-c lock_timeout=10000"}
DATABASES = {
    "default": {
        **dj_database_url.parse(
            env.text("DATABASE_URL", "postgres://tenantpilot@127.0.0.1/tenantpilot"), conn_max_age=600
        ),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "server_side_binding": True,
            "prepare_threshold": 3,
            "connect_timeout": 5,
            "options": TIMEOUTS.get(PROCESS, ""),
        },
    }
}
if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database.")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")

AUTH_USER_MODEL = "tenancy.User"
AUTHENTICATION_BACKENDS = [
    "tenantpilot.tenancy.lockout.LockoutBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Too many wrong passwords: for a name from one address, from one address, for one name.
AXES_FAILURE_LIMIT = 5
LOCKOUT_PER_ADDRESS = 50
LOCKOUT_PER_NAME = 50
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_HANDLER = "tenantpilot.tenancy.lockout.LockoutHandler"
AXES_LOCKOUT_CALLABLE = "tenantpilot.tenancy.lockout.locked_out"
AXES_USERNAME_CALLABLE = "tenantpilot.tenancy.lockout.username"
AXES_CLIENT_IP_CALLABLE = "tenantpilot.core.client.client_ip"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# Trying while locked out does not make the wait longer: whoever waits gets in.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ADMIN = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = [
    "username", "ip_address", "old_password", "new_password1", "new_password2", "csrfmiddlewaretoken", "next",
]  # fmt: skip
# Reverse proxies of one's own in front: the client's address is what the outermost of them saw.
PROXY_COUNT = int(env.number("TENANTPILOT_PROXY_COUNT", 1 if HTTPS else 0, least=0))

GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/admin/"

# Sessions live in the database: a broker that is down signs nobody out and slows no page.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "tenantpilot.console.errors.csrf_failure"
if PUBLIC_URL:
    CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# E-mail is offered where a server is named; the demo writes messages to its log instead.
_MAIL = env.mail_server("TENANTPILOT_MAIL_URL")
globals().update(_MAIL)
MAIL_ENABLED = bool(_MAIL) or ENVIRONMENT == "demo"
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if _MAIL else 'console'}.EmailBackend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("TENANTPILOT_MAIL_FROM", "TenantPilot <tenantpilot@localhost>")

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("TENANTPILOT_STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tenantpilot.core.http.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "TenantPilot",
    "DESCRIPTION": "The start and run surfaces of the provider dispatch gate.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    # The contract writes its enums in place.
    "POSTPROCESSING_HOOKS": [],
}

# Celery carries hints; the database owns recovery. Each value is argued in docs/architecture.md.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
}
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_DB_REUSE_MAX = 1000
CELERY_TASK_DEFAULT_QUEUE = "runs"
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

# A run's life, in seconds.
RUN_LEASE = env.number("TENANTPILOT_LEASE_SECONDS", 45, least=1)
RUN_HEARTBEAT = env.number("TENANTPILOT_HEARTBEAT_SECONDS", 10, least=0.1)
RUN_SELF_FENCE = env.number("TENANTPILOT_SELF_FENCE_SECONDS", 30, least=0.5)
if not RUN_HEARTBEAT < RUN_SELF_FENCE < RUN_LEASE:
    raise ImproperlyConfigured("Heartbeat, self-fence and lease must grow in this order.")
RUN_REAPER = env.number("TENANTPILOT_REAPER_SECONDS", 10, least=0.1)
RUN_RELAY = env.number("TENANTPILOT_RELAY_SECONDS", 1, least=0.1)
RUN_OFFER_BACKOFF = 30
RUN_OFFER_BACKOFF_CAP = 600
RUN_RETRY_BASE = env.number("TENANTPILOT_RETRY_BASE_SECONDS", 15, least=0)
RUN_RETRY_CAP = 600
RUN_MAX_ATTEMPTS = 3
RUN_MAX_LOSSES = 2
RUN_DEADLINE = 3600
# Celery's own clock ends a handler that no longer looks at ours, first with an exception, then with its process.
CELERY_TASK_SOFT_TIME_LIMIT = RUN_DEADLINE - 30
CELERY_TASK_TIME_LIMIT = RUN_DEADLINE + 60
RUN_FORCE_RELEASE_AFTER = 60
# Seconds before each look at the tenant for what a write left there: Graph shows new objects late.
RESTORE_READ_BACK = (0, 1, 3, 6)
WORKER_SEEN_WITHIN = 60
FACTS_MAX_AGE_DAYS = 7
START_ANSWER_HOURS = 24
# A start on 1,000 tenants names each of them in a field.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1100
# How long the data of an archived tenant is kept before it is deleted.
ARCHIVE_KEEP_DAYS = env.number("TENANTPILOT_ARCHIVE_KEEP_DAYS", 90, least=1)

LOG_LEVEL = env.choice("TENANTPILOT_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOG_FORMAT = env.choice("TENANTPILOT_LOG_FORMAT", ("json", "console"), "json")
LOGGING_CONFIG = "tenantpilot.core.logs.configure"
LOGGING = {"level": LOG_LEVEL, "format": LOG_FORMAT}
