"""What people type about a connection. Secrets are write-only: no form ever draws one again."""

import re
from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from onboarding import certificates
from onboarding.names import read_name
from providers.choices import Cloud, CredentialKind, Purpose
from providers.models import AppRegistration, ProviderConnection
from tenantpilot.tenancy.models import Tenant

_GUID = re.compile(r"^\{?[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}?$")
_PEM = {"rows": 6, "spellcheck": "false", "autocomplete": "off", "class": "tp-input tp-input--code"}


class WriteOnlyTextarea(forms.Textarea):
    """A text area that never draws what it was given."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, "", attrs)


class CertificateTextarea(forms.Textarea):
    """A text area that draws certificates only: people paste keys into the wrong field."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        text = str(value or "")
        shown = text if "BEGIN CERTIFICATE" in text and "PRIVATE" not in text else ""
        return super().get_context(name, shown, attrs)


class GuidField(forms.CharField):
    """A GUID as portals write it, hyphens included; Python alone would take 32 bare digits as well."""

    widget = forms.TextInput(attrs={"class": "tp-input", "spellcheck": "false", "autocomplete": "off"})

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if text and not _GUID.match(text):
            raise ValidationError(_("Write it as 8-4-4-4-12 digits, such as 1b2c3d4e-…"))
        return text.strip("{}").lower()


def _text(
    label: Any, *, required: bool = True, max_length: int = 200, help_text: Any = ""
) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=max_length,
        help_text=help_text,
        widget=forms.TextInput(attrs={"class": "tp-input", "autocomplete": "off"}),
    )


class SecretForm(forms.Form):
    """A client secret, and when it ends."""

    secret = forms.CharField(
        label=_("Client secret"),
        max_length=500,
        widget=forms.PasswordInput(attrs={"class": "tp-input", "autocomplete": "off"}),
        help_text=_("The secret's value, as shown once when it was made."),
    )
    expires_on = forms.DateField(
        label=_("Ends on"),
        required=False,
        widget=forms.DateInput(attrs={"class": "tp-input", "type": "date"}, format="%Y-%m-%d"),
        help_text=_("As the app registration shows it. Without a date nobody is warned."),
    )

    def clean_secret(self) -> str:
        secret: str = self.cleaned_data["secret"]
        if _GUID.match(secret):
            raise ValidationError(_("This is the secret's ID. Paste its value."))
        return secret

    def clean_expires_on(self) -> Any:
        day = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise ValidationError(_("This date has passed."))
        return day

    def credential(self) -> dict[str, Any]:
        """The arguments for `providers.services.credential_replace`."""
        day = self.cleaned_data["expires_on"]
        ends = timezone.make_aware(datetime.combine(day, time.max)) if day else None
        return {"secret": self.cleaned_data["secret"], "expires_at": ends}


class CertificateForm(forms.Form):
    """A certificate with its private key; when it ends stands in the certificate."""

    certificate_pem = forms.CharField(
        label=_("Certificate"),
        max_length=20_000,
        widget=CertificateTextarea(attrs=_PEM),
        help_text=_("In PEM form. Upload the same certificate to the app registration."),
    )
    private_key_pem = forms.CharField(
        label=_("Private key"),
        max_length=20_000,
        widget=WriteOnlyTextarea(attrs=_PEM),
        help_text=_("In PEM form, without a password. Kept encrypted and never shown again."),
    )

    def clean_certificate_pem(self) -> str:
        pem: str = self.cleaned_data["certificate_pem"]
        self.certificate = certificates.read_certificate(pem)
        return pem

    def clean_private_key_pem(self) -> str:
        pem: str = self.cleaned_data["private_key_pem"]
        self.private_key = certificates.read_private_key(pem)
        return pem

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        both = {"certificate_pem", "private_key_pem"} <= cleaned.keys()
        if both and not certificates.belongs(self.private_key, self.certificate):
            self.add_error("private_key_pem", _("The key does not belong to this certificate."))
        return cleaned

    def credential(self) -> dict[str, Any]:
        """The arguments for `providers.services.credential_replace`."""
        return {
            "secret": self.cleaned_data["private_key_pem"],
            "certificate_pem": self.cleaned_data["certificate_pem"],
            "expires_at": certificates.expires_at(self.certificate),
        }


CREDENTIAL_FORMS: dict[str, type[SecretForm] | type[CertificateForm]] = {
    CredentialKind.SECRET.value: SecretForm,
    CredentialKind.CERTIFICATE.value: CertificateForm,
}


class SharedAppForm(forms.Form):
    """Connect through an app registration that the workspace, or this tenant, already has."""

    app_registration = forms.ModelChoiceField(
        label=_("App registration"),
        queryset=AppRegistration.objects.none(),
        empty_label=None,
        widget=forms.Select(attrs={"class": "tp-input"}),
        error_messages={"invalid_choice": _("This app registration is not available for this tenant.")},
    )
    label = _text(_("Name"), required=False, help_text=_("How this console calls the connection."))

    def __init__(self, *args: Any, tenant_id: int, workspace_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["app_registration"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = available_apps(tenant_id, workspace_id)


class AppForm(forms.Form):
    """An app registration; its credential comes with a second form."""

    name = _text(_("Name"), help_text=_("How this console calls the app registration."))
    client_id = GuidField(
        label=_("Client ID"), help_text=_("Application (client) ID of the app registration.")
    )
    cloud = forms.ChoiceField(
        label=_("Cloud"), choices=Cloud.choices, widget=forms.Select(attrs={"class": "tp-input"})
    )
    purpose = forms.ChoiceField(
        label=_("Purpose"),
        choices=Purpose.choices,
        initial=Purpose.READ,
        required=False,
        widget=forms.Select(attrs={"class": "tp-input"}),
        help_text=_("One for reading, another for restores: each holds only what it needs."),
    )

    def clean_purpose(self) -> str:
        return self.cleaned_data["purpose"] or Purpose.READ.value


class AppWithSecretForm(AppForm, SecretForm):
    field_order = ["name", "client_id", "purpose", "cloud", "secret", "expires_on"]


class AppWithCertificateForm(AppForm, CertificateForm):
    field_order = ["name", "client_id", "purpose", "cloud", "certificate_pem", "private_key_pem"]


APP_FORMS: dict[str, type[AppWithSecretForm] | type[AppWithCertificateForm]] = {
    CredentialKind.SECRET.value: AppWithSecretForm,
    CredentialKind.CERTIFICATE.value: AppWithCertificateForm,
}


class IdentifyForm(forms.Form):
    """Which tenant: a domain or a tenant ID, and the cloud to ask."""

    name = _text(
        _("Domain or tenant ID"),
        max_length=300,
        help_text=_("Such as contoso.com. Any domain of the tenant will do."),
    )
    cloud = forms.ChoiceField(
        label=_("Cloud"),
        choices=Cloud.choices,
        initial=Cloud.GLOBAL,
        widget=forms.Select(attrs={"class": "tp-input"}),
    )

    def clean_name(self) -> str:
        return read_name(self.cleaned_data["name"])


class BroughtAppForm(forms.Form):
    """The app registration that a tenant brings; its credential comes with a second form."""

    client_id = GuidField(
        label=_("Client ID"), help_text=_("Application (client) ID of the app registration.")
    )


class BroughtWithSecretForm(BroughtAppForm, SecretForm):
    field_order = ["client_id", "secret", "expires_on"]


class BroughtWithCertificateForm(BroughtAppForm, CertificateForm):
    field_order = ["client_id", "certificate_pem", "private_key_pem"]


BROUGHT_APP_FORMS: dict[str, type[BroughtAppForm]] = {
    CredentialKind.SECRET.value: BroughtWithSecretForm,
    CredentialKind.CERTIFICATE.value: BroughtWithCertificateForm,
    "made": BroughtAppForm,
}


class TenantIdForm(forms.Form):
    """Correct the Entra tenant ID."""

    entra_tenant_id = GuidField(label=_("Tenant ID"), help_text=_("Microsoft Entra ID, Overview, Tenant ID."))

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant

    def clean_entra_tenant_id(self) -> str:
        value: str = self.cleaned_data["entra_tenant_id"]
        here = Tenant.objects.filter(workspace=self.tenant.workspace_id, deleted_at=None)
        others = here.exclude(pk=self.tenant.pk)
        if others.filter(entra_tenant_id=value).exists():
            raise ValidationError(taken())
        return value


def taken() -> Any:
    """Said when the workspace has this Entra tenant already."""
    return _("Another tenant of this workspace has this ID.")


def available_apps(tenant_id: int, workspace_id: int) -> Any:
    """App registrations this tenant may be connected through: shared or its own, not connected yet, with credential."""
    mine = Q(tenant=None) | Q(tenant=tenant_id)
    apps = AppRegistration.objects.filter(mine, workspace=workspace_id)
    connected = ProviderConnection.objects.filter(tenant=tenant_id, removed_at=None)
    apps = apps.exclude(pk__in=connected.values("app_registration"))
    return (
        apps.exclude(credential_encrypted="")
        .defer("credential_encrypted", "certificate_pem")
        .order_by("name", "id")
    )
