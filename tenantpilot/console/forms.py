"""Sign-in, in our words."""

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import UsernameField
from django.forms import TextInput
from django.utils.translation import gettext_lazy as _


class SignInForm(AdminAuthenticationForm):
    """Django's own check; one sentence for every refusal, so that none tells which part was wrong."""

    username = UsernameField(label=_("Name"), widget=TextInput(attrs={"autofocus": True}))

    error_messages = {
        "invalid_login": _("Name or password is wrong."),
        "inactive": _("Name or password is wrong."),
    }
