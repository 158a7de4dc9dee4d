"""All settings. The only module that reads the environment."""

import os
import sys
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dj_database_url
import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from config.datafolder import DataFolderError, prepare, secret_key, socket_path

# Django's generic classes (ModelForm[Label]) can be written as the type checker reads them.
django_stubs_ext.monkeypatch()


def flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def words(name: str) -> list[str]:
    return os.environ.get(name, "").replace(",", " ").split()


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as error:
        told = f"{name} takes networks or addresses, such as 10.1.0.0/16 or 192.168.1.7: {error}."
        raise ImproperlyConfigured(told) from error


BASE_DIR = Path(__file__).resolve().parent.parent

# State: one folder
TAGDESK_DATA = Path(os.environ.get("TAGDESK_DATA") or BASE_DIR / "data").expanduser().resolve()
try:
    prepare(TAGDESK_DATA)
    SECRET_KEY = os.environ.get("TAGDESK_SECRET_KEY") or secret_key(TAGDESK_DATA)
except DataFolderError as error:
    raise ImproperlyConfigured(str(error)) from error

DEBUG = flag("TAGDESK_DEBUG")
TAGDESK_HOSTS = words("TAGDESK_HOSTS")
TAGDESK_HTTPS = flag("TAGDESK_HTTPS")
# Beside the open internet: what of their own network people may name as a webhook's address, or import from.
TAGDESK_INTERNAL = networks("TAGDESK_INTERNAL")
TAGDESK_FETCH = flag("TAGDESK_FETCH")  # whether articles may be imported from web addresses
# Is there a desktop to open a browser on? Without one some systems open a browser inside the terminal.
TAGDESK_DESKTOP = sys.stdout.isatty() and (
    sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
)
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *TAGDESK_HOSTS]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "template_partials",
    "csp",
    "config",
    "annotate",
    "training",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

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
            ],
            # Django 6 has partials of its own: there this line goes.
            "builtins": ["template_partials.templatetags.partials"],
        },
    },
]

# Database. SQLite: readers never wait for a writer (WAL), a change that was acknowledged survives a power cut (FULL),
# and two writers queue up instead of one failing half-way (IMMEDIATE).
SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-4000;",
}
_database = dict(dj_database_url.parse(os.environ.get("DATABASE_URL") or f"sqlite:///{TAGDESK_DATA / 'db.sqlite3'}"))
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # Kept open: a connection costs more than most requests, and the last one to close folds the log into the file.
    _database |= {"OPTIONS": SQLITE_OPTIONS, "CONN_MAX_AGE": None}
else:
    _database |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES: dict[str, dict[str, Any]] = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Queue. Without REDIS_URL, `up` runs a Valkey of our own on a unix socket that only this user can open.
TAGDESK_EMBEDDED_QUEUE = not os.environ.get("REDIS_URL")
TAGDESK_QUEUE_SECRET = salted_hmac("tagdesk.queue", "valkey", secret=SECRET_KEY, algorithm="sha256").hexdigest()
TAGDESK_QUEUE_SOCKET = socket_path(
    TAGDESK_DATA, Path(os.environ["TAGDESK_RUN"]).resolve() if os.environ.get("TAGDESK_RUN") else None
)
REDIS_URL = os.environ.get("REDIS_URL") or (
    f"unix://tagdesk:{TAGDESK_QUEUE_SECRET}@{quote(str(TAGDESK_QUEUE_SOCKET))}?db=0"
)
# A training takes as long as it takes: RQ's 180 seconds would end it. JSON: whoever reaches the queue sends no pickles.
_QUEUE = {"URL": REDIS_URL, "DEFAULT_TIMEOUT": -1, "SERIALIZER": "rq.serializers.JSONSerializer"}
RQ_QUEUES = {name: dict(_QUEUE) for name in ("train", "io", "predict")}
RQ = {"DEFAULT_RESULT_TTL": 3600}

# Sign-in
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
SESSION_ENGINE = "config.identity"
# Every session row holds this name: whoever changes it signs everybody out.
AUTHENTICATION_BACKENDS = ["config.identity.People"]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "/"
# Names of our own: cookies of one host are shared by all its ports, and other tools run on localhost too.
SESSION_COOKIE_NAME = "tagdesk_session"
CSRF_COOKIE_NAME = "tagdesk_csrf"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30

# Transport
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = TAGDESK_HTTPS
SECURE_SSL_REDIRECT = TAGDESK_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked from beside the process, before any proxy
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if TAGDESK_HTTPS else 0
# This host alone: of its neighbours below the same name we know nothing, and a browser that was once told that all of
# them speak TLS keeps to it for a year; off a preload list it takes months. Whoever owns the whole name says it there.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # which ask for these two
CSRF_TRUSTED_ORIGINS = [f"https://{host.lstrip('.')}" for host in TAGDESK_HOSTS if TAGDESK_HTTPS]
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# Static files: hashed and compressed by `up`, served by the web process itself.
STATIC_URL = "static/"
STATIC_ROOT = TAGDESK_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "config.static.HashedFiles"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# Uploads go to disk as they arrive; a pasted article is a form field.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = TAGDESK_DATA / "uploads"
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 5000

LANGUAGE_CODE = "en-gb"
USE_I18N = False
TIME_ZONE = os.environ.get("TAGDESK_TZ") or "UTC"
USE_TZ = True

# What is logged: what happened to which row, never what an article says.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "annotate": {"level": "INFO"},
        "training": {"level": "INFO"},
        "config": {"level": "INFO"},
    },
}
