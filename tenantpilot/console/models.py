"""How a person likes the console."""

from django.conf import settings
from django.db import models


class TableSettings(models.Model):
    """The columns that a person has put away in one list; without a row every column is shown."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    table = models.CharField(max_length=64)
    hidden = models.JSONField(default=list)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["user", "table"], name="one_setting_per_person_and_table")
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.table}"
