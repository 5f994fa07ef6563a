"""Settings. This file is production; dev.py and test.py only loosen it, one line and one reason each."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from config.env import BadEnvironment, Environment

ENV = Environment.load()
BASE_DIR = Path(__file__).resolve().parents[2]

SECRET_KEY = ENV.secret_key
DEBUG = False
DEMO = False
PUBLIC_URL = ENV.public_url
ALLOWED_HOSTS = [ENV.host]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
STATE_DIR = ENV.state_dir
FILES_DIR = ENV.files_dir

INSTALLED_APPS = [
    "django.contrib.contenttypes",  # guardian and auditlog point at it
    "django.contrib.auth",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "guardian",
    "auditlog",
    "django_otp",
    "rest_framework",
    "drf_spectacular",
    "tenancy",
    "audit",
    "crypto",
    "outbound",
    "accounts",
    "django_otp_webauthn",  # after accounts: it asks for the user model while it is imported
    "billing",
    "payments",
    "training",
    "patching",
    "backups",
    "alerts",
    "compliance",
    "edge",
    "web",
    "api",
]

MIDDLEWARE = [
    "edge.headers.SecurityHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "edge.logging.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "edge.language.LanguageMiddleware",
    "edge.doorway.DoorwayMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "edge.gate.GateMiddleware",
    "edge.idempotency.IdempotencyMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "web.kit.context.shell",
            ],
            "builtins": ["web.kit.templatetags.kit", "django.templatetags.i18n"],
            "libraries": {"kit": "web.kit.templatetags.kit"},
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
        },
    }
]
del TEMPLATES[0]["APP_DIRS"]


def database(user: str, password: str, **options: Any) -> dict[str, Any]:
    """Describe one role's way into the database."""
    tls: dict[str, Any] = {"sslmode": ENV.db_sslmode}
    if ENV.db_sslrootcert:
        tls["sslrootcert"] = str(ENV.db_sslrootcert)
    return {
        "ENGINE": "tenancy.backend",
        "NAME": ENV.db_name,
        "USER": f"strongbox_{user}",
        "PASSWORD": password,
        "HOST": ENV.db_host,
        "PORT": ENV.db_port,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {**({} if ENV.db_host.startswith("/") else tls), **options},
    }


# server_side_binding: values travel as parameters, never inside SQL text; single_statement: one statement a message
APP = {
    "server_side_binding": True,
    "single_statement": True,
    "carries_context": True,
    # Under row-level security planning takes longer than the query. A pooler that hands each transaction another
    # backend would look for the prepared statement where it is not; where there is none, the context names the backend.
    "prepare_threshold": 5 if ENV.context_bind_backend else None,
}
DATABASES: dict[str, dict[str, Any]] = {}
if ENV.db_app_password:
    DATABASES["default"] = database("app", ENV.db_app_password, **APP)
# Another role for the same rows, taken on by tenancy.bulk.
if ENV.db_bulk_password:
    DATABASES["bulk"] = database("bulk", ENV.db_bulk_password, **APP)
if ENV.db_owner_password:
    DATABASES["owner"] = database("owner", ENV.db_owner_password)
if ENV.db_sealer_password:
    DATABASES["sealer"] = database("sealer", ENV.db_sealer_password)
if ENV.db_rekey_password:
    DATABASES["rekey"] = database(
        "rekey", ENV.db_rekey_password, server_side_binding=True, carries_context=True
    )
# The administrator's own hands, for one organization put back beside the others; no process has this password.
if ENV.db_restore_password:
    DATABASES["restore"] = database("restore", ENV.db_restore_password)
if "default" not in DATABASES:
    # A process such as the sealer has no business in the app's tables: its own role is its default.
    only = next((DATABASES[alias] for alias in ("sealer", "owner") if alias in DATABASES), None)
    if only is None:
        raise BadEnvironment("STRONGBOX_DB_APP_PASSWORD is not set. See docs/reference/environment.md.")
    DATABASES["default"] = dict(only)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# What the sealer is not told does not exist there: to ask for it fails, and nothing stands in for it.
if ENV.context_key is not None:
    CONTEXT_KEY = ENV.context_key
CONTEXT_KEY_ID = 1
CONTEXT_TTL_SECONDS = 30
CONTEXT_BIND_BACKEND = ENV.context_bind_backend
TENANCY_DOORWAY = "edge.doorway.enter_task"  # named here, so that tenancy imports nothing above it
LIBRARY_DATA_POLICIES = "config.datapolicies.POLICIES"

ROOT_KEY_FILE = ENV.root_key_file
AUDIT_PRIVATE_KEY_FILE = ENV.audit_private_key_file
AUDIT_PUBLIC_KEY_FILE = ENV.audit_public_key_file
AUDIT_CHECKPOINT_DIR = ENV.audit_checkpoint_dir
# The journal of erasures, which no restore of the database may turn back.
ERASURE_DIR = ENV.erasure_dir
# Exact origins the HTTP client may reach in a private network or without TLS; production has none.
OUTBOUND_PRIVATE_ORIGINS: list[str] = []
# Collectors of logs that may lie in the house's own network: alerts and the trail alone may go there, over TLS.
OUTBOUND_COLLECTORS = list(ENV.collectors)
# Whose bundles of advisories are taken in (Ed25519), and where advisories are asked for; empty asks nobody.
ADVISORY_KEYS = ENV.advisory_keys
ADVISORY_SOURCE = ENV.advisory_source
# Where the tax authorities of the Union are asked about tax ids; empty asks nobody.
VIES_ADDRESS = "https://ec.europa.eu/taxation_customs/vies/rest-api"
# Where the card provider is asked; empty is the provider itself, and production knows no other.
GATEWAY_ADDRESS = ""
# Backups. What a process was not told it cannot do: only the ops-worker and the receiver write, only a drill reads.
BACKUP_TARGETS = ENV.backup_targets or ""
BACKUP_CREDENTIALS = {
    "access_key": ENV.backup_access_key or "",
    "secret_key": ENV.backup_secret_key or "",
    "ssh_key": ENV.backup_ssh_key or "",
    "ssh_host_key": ENV.backup_ssh_host_key or "",
}
BACKUP_WORK_DIR = ENV.backup_work_dir
BACKUP_SIGNING_KEY_FILE = ENV.backup_signing_key_file
BACKUP_TRUSTED_FILE = ENV.backup_trusted_file
BACKUP_RECIPIENTS_FILE = ENV.backup_recipients_file
BACKUP_DRILL_KEY_FILE = ENV.backup_drill_key_file
BACKUP_DB_PASSWORD = ENV.db_backup_password
REPLICATION_DB_PASSWORD = ENV.db_replication_password
POSTGRES_BIN = ENV.postgres_bin
# Whose user a scratch server runs as where we are root, which PostgreSQL refuses.
POSTGRES_LOGIN = "strongbox"
if ENV.pepper is not None:
    PEPPER = ENV.pepper
if ENV.network_key is not None:
    NETWORK_KEY = ENV.network_key

AUTH_USER_MODEL = "accounts.User"
# It answers for single objects and cannot sign anybody in: accounts.services.signin is the only way in.
AUTHENTICATION_BACKENDS = ["guardian.backends.ObjectPermissionBackend"]
PASSWORD_HASHERS = ["accounts.hashers.PepperedArgon2Hasher"]
# Only the abstract models of these are used: their own tables (generic grants, a log of plain values) do not exist.
MIGRATION_MODULES = {"guardian": None, "auditlog": None, "django_otp_webauthn": None}
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
ANONYMOUS_USER_NAME = None
AUDITLOG_LOGENTRY_MODEL = "accounts.FieldDiff"
AUDITLOG_DISABLE_REMOTE_ADDR = True  # it trusts the first X-Forwarded-For entry
AUDITLOG_STORE_JSON_CHANGES = True
AUDITLOG_MASK_CALLABLE = "accounts.fielddiffs.mask"  # its own mask shows half of the value
OTP_WEBAUTHN_CREDENTIAL_MODEL = "accounts.PasskeyCredential"
OTP_WEBAUTHN_RP_ID = ENV.host
OTP_WEBAUTHN_RP_NAME = "Strongbox"
OTP_WEBAUTHN_ALLOWED_ORIGINS = [PUBLIC_URL]
SESSION_IDLE_SECONDS = 15 * 60
SESSION_ABSOLUTE_SECONDS = 12 * 60 * 60
STEP_UP_SECONDS = 5 * 60

redis_tls: dict[str, Any] = (
    {"ssl_ca_certs": str(ENV.redis_ca), "ssl_cert_reqs": "required"} if ENV.redis_ca else {}
)
# Where a process that was told no address finds nothing (RFC 6761): it fails there, and never falls back on memory.
NOWHERE = "redis://nowhere.invalid/0"
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "edge.cache.Cache",
        "LOCATION": ENV.cache_url or NOWHERE,
        "KEY_PREFIX": "sb",
        # JSON, not pickle: whoever can write to the cache must not be able to run code here
        "OPTIONS": {"serializer": "edge.cache.JsonSerializer", **redis_tls},
    }
}

CELERY_BROKER_URL = ENV.broker_url or NOWHERE
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"visibility_timeout": 6 * 3600}
if ENV.redis_ca:
    CELERY_BROKER_USE_SSL = {"ssl_ca_certs": str(ENV.redis_ca), "ssl_cert_reqs": "required"}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
# What needs the rekey role runs in the ops-worker, which alone has its password.
CELERY_TASK_ROUTES = {
    "crypto.*": {"queue": "keys"},
    "edge.beat_ops_worker": {"queue": "keys"},
    # By itself: no billing run makes an alert wait.
    "alerts.look": {"queue": "watch"},
    "edge.beat_watch": {"queue": "watch"},
    "backups.*": {"queue": "backups"},
    "patching.*": {"queue": "patches"},
}
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
# What payers and customers are spoken to in (edge.language); staff pages are English.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "static/"
STATIC_ROOT = ENV.state_dir / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other origin has business with our files
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "edge.static.HashedStaticFiles"},
}

MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
DEFAULT_FROM_EMAIL = "billing@" + ENV.host
if ENV.email_url:
    _mail = urlsplit(ENV.email_url)
    EMAIL_HOST, EMAIL_PORT = _mail.hostname or "", _mail.port or 465
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.username or "", _mail.password or ""
    EMAIL_USE_SSL = _mail.scheme == "smtps"
    EMAIL_USE_TLS = not EMAIL_USE_SSL
    DEFAULT_FROM_EMAIL = parse_qs(_mail.query).get("from", [DEFAULT_FROM_EMAIL])[0]

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.proxy_count else None
PROXY_COUNT = ENV.proxy_count
API_PER_SECOND = ENV.api_per_second
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [
    r"^api/",
    r"^healthz$",
    r"^readyz$",
]  # the API answers 403 on plain HTTP: no key is ever resent
SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_NAME = "__Host-strongbox"
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "edge.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
# What somebody uploads stays in memory until it is encrypted: Django would else put it on the disk as it is.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
# The largest file that a page takes (10 MB) and its form, as at the proxy; what is larger is dropped unread.
FILE_UPLOAD_MAX_MEMORY_SIZE = 11 * 1024 * 1024

REST_FRAMEWORK: dict[str, Any] = {
    # Authentication happens in edge, before the view; DRF is handed the result.
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.EdgeAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.authentication.GateHasDecided"],
    "DEFAULT_RENDERER_CLASSES": ["api.rendering.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.rendering.StrictJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "api.errors.handle",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Strongbox API",
    "DESCRIPTION": "Customers, invoices and payments of one organization, the one that the key names.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["api.schema.complete"],
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # the suite generates the schema itself and fails on its warnings
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "edge.logging.RedactingFilter"}},
    "formatters": {"json": {"()": "edge.logging.JsonFormatter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["redact"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "CRITICAL"},  # edge logs each request once, without its values
        "stripe": {"level": "WARNING"},  # below that it quotes what was sent and what the provider said
        "django.security": {"level": "CRITICAL"},  # its lines quote paths; edge records the refusal itself
    },
}
