"""All settings in one file. It works with no environment at all, and refuses a malformed value with a sentence."""

from kombu import Queue

from . import environment
from .environment import BASE

VERSION = environment.version()
DEBUG = environment.flag("DEBUG")
SECRET_KEY = environment.secret_key("SECRET_KEY")
OWN_SECRETS = environment.own_secrets(SECRET_KEY)
HOST = environment.text("HOST", "127.0.0.1")
PORT = environment.whole("PORT", 8000, most=65_535)
ALLOWED_HOSTS = environment.listed("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", HOST])
TRUSTED_PROXY = environment.text("TRUSTED_PROXY")  # whose word on the caller's scheme is taken
TLS = environment.tls("TLS", TRUSTED_PROXY)
METRICS_TOKEN = environment.text("METRICS_TOKEN")
# Where people and programs reach this service: what is told leads there.
PUBLIC_URL = environment.public_url("PUBLIC_URL", f"http://{HOST}:{PORT}")

INSTALLED_APPS = [
    "config.admin.Admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",  # swagger-ui's own files
    "django_htmx",  # htmx itself
    "projects",
    "gateway",
    "workflows",
    "toolbox",
    "executions",
    "evaluations",
    "designs",
    "shadows",
    "analytics",
    "notifications",
    "reports",
    "demo",
    "service",
]
MIDDLEWARE = [
    "wire.access.AccessLog",
    "wire.headers.Headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "NAME": "reports",
        "DIRS": [BASE / "templates" / "reports"],
        "OPTIONS": {
            "environment": "reports.savings.environment.environment",
            "context_processors": ["reports.masthead.places"],
        },
    },
]

DATABASES = {"default": environment.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE / "static"]
WHITENOISE_USE_FINDERS = True
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # forms over TLS are known by it
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Over TLS: a cookie is never sent without, a browser never comes without again, and a page that did is sent there. The API
# is not (`View`): a key that came in the clear should be noticed. Whoever looks after us may come as he likes.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(TLS)
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if TLS else 0
SECURE_SSL_REDIRECT = bool(TLS)
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$", r"^api/v1/"]
# Other names of the domain (W005, W021) are not ours to decide on. With TLS=false an operator has said the rest.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SILENCED_SYSTEM_CHECKS += [f"security.W{number}" for number in ("004", "008", "012", "016")] if TLS is False else []
CSRF_FAILURE_VIEW = "wire.errors.csrf_failure"
LOGIN_REDIRECT_URL = "admin:index"

# Being told, and who is asked. Networks of one's own that webhooks may go to; the mail server, without which no e-mail is sent.
PROVIDER_NETWORKS = environment.networks("PROVIDER_NETWORKS", [])  # into which names of model endpoints may lead
WEBHOOK_NETWORKS = environment.networks("WEBHOOK_NETWORKS", ["127.0.0.0/8", "::1/128"] if DEBUG else [])
_mail = environment.mail("EMAIL_URL", environment.text("EMAIL_FROM"))
EMAIL_CONFIGURED, EMAIL_TIMEOUT, DEFAULT_FROM_EMAIL = bool(_mail), 15, _mail.get("FROM", "")
EMAIL_HOST, EMAIL_PORT = _mail.get("EMAIL_HOST", ""), _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_USER") or "", _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)

# Requests a minute of one key and of one project, failed authentications a minute of one address; 0: no limit. They are
# counted in the cache, which is this process's own: a counter must not make the door depend on one server more.
THROTTLE_KEY = environment.whole("THROTTLE_KEY", 6000)
THROTTLE_PROJECT = environment.whole("THROTTLE_PROJECT", 30_000)
THROTTLE_FAILURES = environment.whole("THROTTLE_FAILURES", 60)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["projects.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["projects.authentication.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["wire.rest.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "wire.openapi.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["projects.throttles.Requests"],
    "EXCEPTION_HANDLER": "wire.rest.problem_response",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `format` is an unknown filter like any other
}

SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Workflow Memory",
    "DESCRIPTION": "Design once, execute forever. Every address but this schema and its page needs a key.",
    "VERSION": VERSION,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["wire.openapi.with_problems"],
}

# A task is a wake-up with an id: early ack, no result, no time limit (architecture: the row, the lease and the sandbox bound it).
BROKER_URL = environment.broker()
CELERY_BROKER_URL = BROKER_URL or "memory://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = environment.transport_options(BROKER_URL)
RINGING_OPTIONS = environment.ringing_options(BROKER_URL)
CELERY_BROKER_POOL_ACQUIRE_TIMEOUT = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# A bell is taken from the broker when it is heard, without an acknowledgement: what is lost with it, a look finds.
CELERY_TASK_QUEUES = [Queue("celery", no_ack=True)]
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# What one worker does at once: so many executions wait for their models, so many threads take their turns.
IN_FLIGHT = environment.whole("IN_FLIGHT", 300, least=1, most=10_000)
WORKER_THREADS = environment.whole("WORKER_THREADS", 4, least=1, most=200)
# Seconds that calls in flight get when a worker is told to end.
STOP_WITHIN = environment.whole("STOP_WITHIN", 20, most=3600)
WEB_THREADS = environment.whole("WEB_THREADS", 8, least=2, most=200)
CRASH_AT = environment.text("CRASH_AT")  # of the tests of faults only, see wire/crash.py

# The tier map that a new project starts with; what scripted and recorded models answer from, and where real ones are recorded.
DEFAULT_TIERS = environment.default_tiers()
SCRIPTS = environment.files("SCRIPTS", [BASE / "demo" / "content" / "script.toml"])
RECORDINGS = environment.files("RECORDINGS", [])
RECORD_TO = environment.new_file("RECORD_TO")
# Modules whose @tool functions a project may register.
TOOL_NETWORKS = environment.networks("TOOL_NETWORKS", ["127.0.0.0/8", "::1/128"] if DEBUG else [])
TOOL_MODULES = environment.listed("TOOL_MODULES", ["demo.tools"])
# What one execution may cost before a person is asked, in USD: the default of a new project.
EXECUTION_CAP = environment.usd("EXECUTION_CAP", "1.00")
EXECUTION_DEADLINE_HOURS = environment.whole("EXECUTION_DEADLINE_HOURS", 24, least=1)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "chosen": {"()": "wire.logs.formatter", "form": environment.log_form("LOG_FORMAT"), "messages": DEBUG},
    },
    "filters": {"discreet": {"()": "wire.logs.Discreet"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "chosen", "filters": ["discreet"]}},
    "loggers": {
        "django.request": {"level": "ERROR"},  # what a caller did wrong is told to the caller
        # Two lines for each bell, of which the execution's own history says more.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
    "root": {"handlers": ["stderr"], "level": environment.log_level("LOG_LEVEL")},
}
