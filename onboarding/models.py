"""A customer on the way in, and the requests for consent that were sent out for it."""

import secrets

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from onboarding.choices import SessionState
from providers.choices import Cloud
from providers.models import MadeCertificate, ProviderConnection
from tenantpilot.tenancy.models import Tenant, User, Workspace


class OnboardingSession(models.Model):
    """How far one tenant has come. Which step is next is never stored: `onboarding.steps` reads it from the facts."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="onboarding_sessions")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    in_charge = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=SessionState.choices, default=SessionState.OPEN)

    # What was typed and what the provider found for it, before there is a tenant.
    asked = models.CharField(max_length=253, blank=True)
    cloud = models.CharField(max_length=16, choices=Cloud.choices, default=Cloud.GLOBAL)
    entra_tenant_id = models.UUIDField(null=True, blank=True)

    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, null=True, blank=True, related_name="onboarding_sessions"
    )
    connection = models.ForeignKey(
        ProviderConnection, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    certificate = models.ForeignKey(
        MadeCertificate, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    connected_at = models.DateTimeField(null=True, blank=True)
    # The last sign-in that looked for consent, and why it failed for something else than missing consent.
    tried_at = models.DateTimeField(null=True, blank=True)
    trouble_code = models.CharField(max_length=64, blank=True)
    # Permissions that somebody chose to do without.
    left_out = ArrayField(models.CharField(max_length=100), default=list, blank=True)

    # Grows with every act of a person, so that of two people in one session the second is told.
    version = models.PositiveIntegerField(default=0)
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now_add=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["workspace", "-id"], name="onboarding_by_workspace")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(state=SessionState.OPEN), name="one_open_session_per_tenant"
            ),
            models.CheckConstraint(
                condition=Q(state=SessionState.OPEN, ended_at=None)
                | (~Q(state=SessionState.OPEN) & Q(ended_at__isnull=False)),
                name="session_ended_or_open",
            ),
        ]

    def __str__(self) -> str:
        return self.asked or str(_("New tenant"))


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


class ConsentRequest(models.Model):
    """One request for admin consent: a link for the customer's administrator, and what came back.

    Link and ``state`` are signed and carry the nonce: a new request makes those of earlier ones useless.
    """

    session = models.ForeignKey(OnboardingSession, on_delete=models.CASCADE, related_name="consent_requests")
    connection = models.ForeignKey(ProviderConnection, on_delete=models.CASCADE, related_name="+")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    nonce = models.CharField(max_length=32, default=new_nonce, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    answer = models.CharField(max_length=16, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.connection}, {self.created_at:%Y-%m-%d %H:%M}"
