"""What is typed before a tenant is deleted."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class DeleteForm(forms.Form):
    """The tenant's name, so that nobody deletes the wrong one by a click."""

    name = forms.CharField(
        label=_("Name of the tenant"),
        max_length=200,
        help_text=_("Type it as it stands in the title."),
        widget=forms.TextInput(attrs={"class": "tp-input", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, tenant: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant

    def clean_name(self) -> str:
        typed: str = self.cleaned_data["name"]
        if typed != self.tenant.strip():
            raise ValidationError(_("This is not its name."))
        return typed
