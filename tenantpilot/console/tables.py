"""The lists of the console and their columns: declared once, chosen by each person, kept in the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise

from tenantpilot.console.models import TableSettings
from tenantpilot.console.pages import SignedInRequest

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Table:
    """A list: its name in URLs, and its columns as key and words. The first column can't be hidden."""

    name: str
    columns: tuple[tuple[str, Words], ...]

    @property
    def choosable(self) -> tuple[str, ...]:
        """The keys of the columns that a person may put away."""
        return tuple(key for key, _label in self.columns[1:])


_TABLES: dict[str, Table] = {}


def table(name: str, *columns: tuple[str, Words]) -> Table:
    """Declare a list. Raises ValueError for a name that is taken."""
    if name in _TABLES:
        raise ValueError(f"The table {name} is declared twice.")
    _TABLES[name] = Table(name, columns)
    return _TABLES[name]


def get(name: str) -> Table | None:
    """Return the list of that name."""
    return _TABLES.get(name)


def hidden_by(user_id: int, declared: Table) -> tuple[str, ...]:
    """The columns that this person has put away (one statement); a column that is no more is ignored."""
    rows = TableSettings.objects.filter(user=user_id, table=declared.name).values_list("hidden", flat=True)
    return known(declared, next(iter(rows), ()))


def known(declared: Table, keys: Iterable[Any]) -> tuple[str, ...]:
    """Those of `keys` that are columns which may be put away, in the list's order."""
    wanted = set(keys)
    return tuple(key for key in declared.choosable if key in wanted)


def choose(user_id: int, declared: Table, shown: Iterable[str]) -> None:
    """Keep which columns this person wants to see; all of them leave nothing to keep."""
    wanted = set(shown)
    hidden = [key for key in declared.choosable if key not in wanted]
    mine = TableSettings.objects.filter(user=user_id, table=declared.name)
    if not hidden:
        mine.delete()
        return
    TableSettings.objects.update_or_create(user_id=user_id, table=declared.name, defaults={"hidden": hidden})


def table_data(request: SignedInRequest, declared: Table, *, without: Iterable[str] = ()) -> dict[str, Any]:
    """What a list's template needs: `hidden` by key, and the chooser as `ui/_columns.html` draws it.

    `without` names columns that this page has nothing to show in; they are hidden and not offered.
    """
    away = hidden_by(request.user.pk, declared)
    missing = set(without)
    return {
        "hidden": dict.fromkeys([*away, *missing], True),
        "columns": [
            {"key": key, "label": label, "shown": key not in away, "fixed": place == 0}
            for place, (key, label) in enumerate(declared.columns)
            if key not in missing
        ],
        "kept": [key for key in missing if key not in away],
        "changed": bool(away),
        "saveUrl": reverse("table_columns", args=[declared.name]),
        "here": request.get_full_path(),
    }
