"""What people choose about a restore."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from providers import catalogue
from providers.models import ProviderConnection
from providers.restore.assigning import AssignmentChoice
from providers.restore.model import Options

DEFAULT_CONNECTION = ("", _("The tenant's default connection"))


class OptionsForm(forms.Form):
    """What a restore may do, and through which connection."""

    update = forms.BooleanField(label=_("Overwrite objects that exist"), required=False, initial=True)
    create = forms.BooleanField(label=_("Create objects that are missing"), required=False, initial=True)
    assignments = forms.ChoiceField(
        label=_("Assignments"),
        choices=AssignmentChoice.choices,
        initial=AssignmentChoice.BACKED_UP,
        widget=forms.RadioSelect,
    )
    state_as_backed_up = forms.BooleanField(
        label=_("Conditional access: state as backed up"),
        required=False,
        help_text=_("Otherwise policies become report-only, and nobody is locked out."),
    )
    connection = forms.ChoiceField(label=_("Provider connection"), required=False)

    def __init__(self, *args: Any, tenant_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = ProviderConnection.objects.filter(tenant=tenant_id, enabled=True).order_by("label")
        choices = [DEFAULT_CONNECTION, *((str(row.pk), row.label) for row in rows)]
        self.fields["connection"].choices = choices  # type: ignore[attr-defined]  # a choice field

    def options(self) -> Options:
        """The choices. Only after `is_valid`."""
        chosen = self.cleaned_data
        return Options(
            update=chosen["update"],
            create=chosen["create"],
            assignments=chosen["assignments"],
            state_as_backed_up=chosen["state_as_backed_up"],
        )

    def connection_id(self) -> int | None:
        """The connection, None for the tenant's default one. Only after `is_valid`."""
        chosen = self.cleaned_data["connection"]
        return int(chosen) if chosen else None


class DraftForm(OptionsForm):
    """A new restore: which types of the backup, unless single objects were chosen."""

    field_order = ("types", "update", "create", "assignments", "state_as_backed_up", "connection")

    types = forms.MultipleChoiceField(
        label=_("What to restore"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, types: list[tuple[str, int]], single: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if single:
            del self.fields["types"]
            return
        counts = dict(types)
        known = [kind for kind in catalogue.all_types() if kind.key in counts]
        field = self.fields["types"]
        field.choices = [(kind.key, f"{kind.label} ({counts[kind.key]})") for kind in known]  # type: ignore[attr-defined]
        field.initial = [kind.key for kind in known if kind.restorable]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "types" in self.fields and not cleaned.get("types"):
            self.add_error("types", _("Choose at least one type."))
        return cleaned
