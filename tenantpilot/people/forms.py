"""What people type about people. Choices come from what the reader may see, so that an id of elsewhere is no choice."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordMixin, UsernameField
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.lockout import is_locked_out
from tenantpilot.tenancy.models import Tenant, User

ALL, CHOSEN = "all", "chosen"
MOST_TENANTS = 100
"""Above that many, tenants are chosen on the person's page, where they can be searched."""

PASSWORD_HELP = _("At least 12 characters. Not a common one, and not like your name.")
TAKEN = _("This name is taken.")
_REACH = [(ALL, _("All tenants")), (CHOSEN, _("Chosen tenants"))]


class RoleForm(forms.Form):
    """A role in the workspace, and where it counts."""

    role = forms.ChoiceField(label=_("Workspace role"), choices=Role.choices)
    reach = forms.ChoiceField(label=_("Counts on"), choices=_REACH, widget=forms.RadioSelect)

    def all_tenants(self) -> bool:
        """Whether the role counts on all tenants. Only after `is_valid`."""
        return bool(self.cleaned_data["reach"] == ALL)


class InviteForm(RoleForm):
    """Whom to invite, and to what."""

    field_order = ("addressee", "role", "reach", "tenants")

    addressee = forms.CharField(
        label=_("Name or e-mail"),
        max_length=254,
        strip=True,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("Only for you to recognise the invitation. Nobody is written to."),
    )
    tenants = forms.ModelMultipleChoiceField(
        label=_("Chosen tenants"),
        queryset=Tenant.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, tenants: QuerySet[Tenant], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if tenants.count() > MOST_TENANTS:
            del self.fields["tenants"]
            self.fields["reach"].help_text = _("Choose the tenants on the person's page.")
        else:
            self.fields["tenants"].queryset = tenants  # type: ignore[attr-defined]  # a model choice field

    def chosen_tenants(self) -> list[Tenant]:
        """The tenants the role counts on when it does not count on all. Only after `is_valid`."""
        return [] if self.all_tenants() else list(self.cleaned_data.get("tenants", ()))


class TenantRoleForm(forms.Form):
    """A role on one tenant, or none."""

    role = forms.ChoiceField(
        label=_("Tenant role"), required=False, choices=[("", _("No role of its own")), *Role.choices]
    )

    def chosen_role(self) -> Role | None:
        """The role, or None to take it away. Only after `is_valid`."""
        role = self.cleaned_data["role"]
        return Role(role) if role else None


class NewAccountForm(SetPasswordMixin, forms.ModelForm):
    """Name and password of somebody who joins without an account. The password has to pass the rules."""

    full_name = forms.CharField(
        label=_("Full name"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password1, password2 = SetPasswordMixin.create_password_fields(
        label1=_("Password"), label2=_("Password again")
    )

    class Meta:
        model = User
        fields = ("username",)
        field_classes = {"username": UsernameField}
        error_messages = {"username": {"unique": TAKEN}}
        labels = {"username": _("Name")}
        help_texts = {"username": _("You sign in with it. Letters, digits and @ . + - _ only.")}

    field_order = ("username", "full_name", "password1", "password2")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = PASSWORD_HELP
        self.fields["password2"].help_text = ""

    def clean_username(self) -> str:
        """Names that differ only in case would pass for each other."""
        name: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=name).exists():
            raise ValidationError(TAKEN)
        return name

    def clean(self) -> dict[str, Any]:
        self.validate_passwords()
        return super().clean() or self.cleaned_data

    def _post_clean(self) -> None:
        """The rules compare the password with the name, which the form's instance has only now."""
        super()._post_clean()  # type: ignore[misc]  # a hook of Django's model forms, not in the stubs
        self.validate_password_for_user(self.instance)


class OwnPasswordForm(PasswordChangeForm):
    """One's own new password. The old one is checked like a sign-in, so guessing it is counted and locked out."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request.user, *args, **kwargs)  # type: ignore[arg-type]  # somebody is signed in
        self.request = request
        self.fields["old_password"].label = _("Current password")
        self.fields["new_password1"].help_text = PASSWORD_HELP
        self.fields["new_password2"].label = _("New password again")
        self.fields["new_password2"].help_text = ""

    def clean_old_password(self) -> str:
        old: str = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.get_username(), password=old) != self.user:
            if is_locked_out(self.request):
                raise ValidationError(_("Too many attempts. Try again in 15 minutes."), code="locked_out")
            raise ValidationError(_("The current password is wrong."), code="password_incorrect")
        return old
