"""Where an onboarding stands."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class StepName(TextChoices):
    """The steps in their order."""

    IDENTIFY = "identify", _("Identify tenant")
    CONNECT = "connect", _("Connect provider")
    VERIFY = "verify", _("Verify access")
    BOOTSTRAP = "bootstrap", _("Bootstrap")
    DONE = "done", _("Done")


class SessionState(TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")
    ABANDONED = "abandoned", _("Abandoned")
