"""How a person is named where rows are read."""

from django.db.models import Value
from django.db.models.functions import Coalesce, NullIf


def shown_name(path: str) -> Coalesce:
    """The first name, or the user name where there is none, of the person that ``path`` leads to."""
    return Coalesce(NullIf(f"{path}__first_name", Value("")), f"{path}__username")
