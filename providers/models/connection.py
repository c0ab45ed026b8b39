"""App registrations and provider connections, with the facts that readiness is judged from."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from providers.choices import Cloud, ConsentState, CredentialKind, CredentialState, Purpose
from tenantpilot.tenancy.models import Tenant, User, Workspace


class AppRegistration(models.Model):
    """The application with which we sign in; shared by a workspace's tenants, or owned by one of them."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="app_registrations")
    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, null=True, blank=True, related_name="app_registrations"
    )
    name = models.CharField(max_length=200)
    cloud = models.CharField(max_length=16, choices=Cloud.choices, default=Cloud.GLOBAL)
    client_id = models.UUIDField(_("client ID"))
    purpose = models.CharField(max_length=16, choices=Purpose.choices, default=Purpose.READ)
    credential_kind = models.CharField(
        max_length=16, choices=CredentialKind.choices, default=CredentialKind.SECRET
    )
    # The client secret or the certificate's private key, encrypted (providers.secrets); never shown again.
    credential_encrypted = models.TextField(blank=True, editable=False)
    certificate_pem = models.TextField(blank=True)
    credential_set_at = models.DateTimeField(null=True, blank=True)
    credential_expires_at = models.DateTimeField(null=True, blank=True)
    # Grows with each new credential, so that every worker drops the tokens of the old one.
    credential_version = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class MadeCertificate(models.Model):
    """A certificate made here for an app registration; only its public part ever leaves.

    It waits with its key until somebody has uploaded it at the provider, and the app registration takes both over.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="made_certificates")
    certificate_pem = models.TextField()
    private_key_encrypted = models.TextField(editable=False)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workspace}, {self.made_at:%Y-%m-%d %H:%M}"


class ProviderConnection(models.Model):
    """A tenant reached through one app registration. Every fact stands beside the time it was observed."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="connections")
    app_registration = models.ForeignKey(
        AppRegistration, on_delete=models.PROTECT, related_name="connections"
    )
    provider = models.CharField(max_length=16, choices=[("microsoft", "Microsoft")], default="microsoft")
    label = models.CharField(max_length=200)
    is_default = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)

    credential_state = models.CharField(
        max_length=16, choices=CredentialState.choices, default=CredentialState.UNKNOWN
    )
    credential_observed_at = models.DateTimeField(null=True, blank=True)
    consent_state = models.CharField(
        max_length=16, choices=ConsentState.choices, default=ConsentState.UNKNOWN
    )
    consent_observed_at = models.DateTimeField(null=True, blank=True)
    # Grows with each consent and each change of what is granted: no process keeps a token of before.
    consent_version = models.PositiveIntegerField(default=0)
    granted_permissions = ArrayField(models.CharField(max_length=100), default=list)
    permissions_observed_at = models.DateTimeField(null=True, blank=True)
    service_plans = ArrayField(models.CharField(max_length=36), default=list)
    service_plans_observed_at = models.DateTimeField(null=True, blank=True)
    # Seconds by which our clock was ahead of the provider's when it was last checked.
    clock_skew = models.FloatField(null=True, blank=True)
    # The last check: when it ended, when one last succeeded, and the fault that the provider showed since.
    checked_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    fault_code = models.CharField(max_length=64, blank=True)
    fault_facts = models.JSONField(default=dict, blank=True)
    fault_observed_at = models.DateTimeField(null=True, blank=True)
    throttled_until = models.DateTimeField(null=True, blank=True)
    # Fences of the runs that wrote the facts above: a late worker's older fence changes nothing.
    facts_fence = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    # A removed connection keeps its row for the runs that went through it, and is offered nowhere.
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "provider"], condition=Q(is_default=True), name="one_default"
            ),
            models.UniqueConstraint(
                fields=["tenant", "app_registration"],
                condition=Q(removed_at=None),
                name="connection_once_per_app",
            ),
            models.CheckConstraint(
                name="removed_is_off", condition=Q(removed_at=None) | Q(enabled=False, is_default=False)
            ),
        ]
        indexes = [models.Index(fields=["tenant"], name="connection_by_tenant")]

    def __str__(self) -> str:
        return self.label
