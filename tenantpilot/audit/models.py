"""The audit log: entries that nobody changes, and the chain that shows if somebody did.

It names workspace, tenant and person by key alone. A foreign key in the database would make every entry wait for
whoever holds the tenant's row, who in turn may wait to write an entry.
"""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

SEALED = "run_events.sealed"
"""The action of an entry that seals run events; see ``seals``."""


class AuditEntry(models.Model):
    """An act or a blocked start: who, from where, on what, before and after, and why not.

    The start of a run has no entry: the run with its first event is one.
    """

    at = models.DateTimeField(db_default=Now())
    workspace = models.ForeignKey(
        "tenancy.Workspace", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    tenant = models.ForeignKey(
        "tenancy.Tenant", models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    action = models.CharField(max_length=64)
    surface = models.CharField(max_length=64, blank=True)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    object_kind = models.CharField(max_length=32, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_label = models.CharField(max_length=200, blank=True)
    before = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    after = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason_code = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["tenant", "-id"], name="audit_by_tenant"),
            models.Index(fields=["workspace", "-id"], name="audit_by_workspace"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["-id"], condition=models.Q(action=SEALED), name="audit_seals"),
        ]

    def __str__(self) -> str:
        return f"{self.action} #{self.pk}"


class AuditLink(models.Model):
    """An entry's place in the chain, written by the database as the entry commits.

    ``seq`` has no gaps, and ``hash`` is SHA-256 over the hash before it and the entry's canonical text.
    """

    seq = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(AuditEntry, models.PROTECT, related_name="link", db_constraint=False)
    hash = models.BinaryField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.seq}: entry {self.entry_id}"
