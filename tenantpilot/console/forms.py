"""Sign-in, in our words."""

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import UsernameField
from django.core.exceptions import ValidationError
from django.forms import TextInput
from django.utils.translation import gettext_lazy as _

from tenantpilot.tenancy.lockout import is_locked_out


class SignInForm(AdminAuthenticationForm):
    """Django's own check; one sentence for every refusal, so that none tells which part was wrong."""

    username = UsernameField(label=_("Name"), widget=TextInput(attrs={"autofocus": True}))

    error_messages = {
        "invalid_login": _("Name or password is wrong."),
        "inactive": _("Name or password is wrong."),
    }

    def get_invalid_login_error(self) -> ValidationError:
        """Say the one sentence, or that it takes a pause; names that nobody has are locked out alike."""
        if is_locked_out(self.request):
            return ValidationError(_("Too many attempts. Try again in 15 minutes."), code="locked_out")
        return super().get_invalid_login_error()
