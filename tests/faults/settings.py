"""Settings of the workers that the fault tests start."""

from tenantpilot.settings_test import *  # noqa: F403

# Celery sleeps this out in full, however soon its work is done.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 6

# Nothing here shows its writes late.
RESTORE_READ_BACK = (0, 0)
