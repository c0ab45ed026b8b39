"""TenantPilot: the console for many Microsoft 365 tenants."""

from tenantpilot.celery import app as celery_app

__all__ = ["celery_app"]
