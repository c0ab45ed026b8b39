"""What beat starts: one call each."""

from tenantpilot.celery import run_task
from tenantpilot.lifecycle import erase


@run_task
def delete_expired() -> None:
    """Begin to delete archived tenants whose time has come. Beat sends it each day."""
    erase.delete_expired()
