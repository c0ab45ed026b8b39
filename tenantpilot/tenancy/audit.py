"""The audit log, under its older name."""

from tenantpilot.audit.record import record

__all__ = ["record"]
