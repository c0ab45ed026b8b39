"""Settings of the tests: quicker hashing and throw-away keys, never different behaviour."""

import os

os.environ.setdefault("TENANTPILOT_ENV", "test")
os.environ.setdefault(
    "TENANTPILOT_SECRET_KEY", "test-only-secret-key-that-is-long-enough-for-every-check-1234567890"
)
os.environ.setdefault("TENANTPILOT_CREDENTIAL_KEYS", "2bJ5mDRzK1Jm3nq2SRY0Zc3QXqS3mT4yW5o8m3r0c1E=")

from tenantpilot.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
