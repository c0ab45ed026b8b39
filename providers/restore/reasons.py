"""Why a restore can't be executed, or did not end as planned."""

from django.utils.translation import gettext_lazy as _

from tenantpilot.core.reasons import NextStep, Reason, declare
from tenantpilot.tenancy.capabilities import Capability

_OPERATOR = _("Ask an Operator of %(workspace)s.")
PREVIEW = NextStep(
    _("Preview again"), "preview_restore", "restore_run", Capability.PREVIEW_RESTORE, otherwise=_OPERATOR
)
RESOLVE = NextStep(
    _("Resolve targets"), "resolve_targets", "restore_run", Capability.PREVIEW_RESTORE, otherwise=_OPERATOR
)
ENTER = NextStep(
    _("Enter secrets"), "enter_secrets", "restore_run", Capability.PREVIEW_RESTORE, otherwise=_OPERATOR
)
BACK_UP = NextStep(_("Back up again"), "back_up", "tenant", Capability.BACK_UP_POLICIES, otherwise=_OPERATOR)
OPEN = NextStep(_("Open restore"), "open_restore", "restore_run")

PLAN_MISSING = declare(Reason("restore.plan_missing", _("This restore has no preview yet."), (PREVIEW,)))
PLAN_STALE = declare(Reason("restore.plan_stale", _("The preview is older than 30 minutes."), (PREVIEW,)))
PLAN_CHANGED = declare(
    Reason("restore.plan_changed", _("The plan or %(tenant)s changed since the preview."), (PREVIEW,))
)
SOURCE_INCOMPLETE = declare(
    Reason(
        "restore.source_incomplete",
        _("The backup lacks parts of what was chosen: %(count)s."),
        (BACK_UP, NextStep(_("Choose again"), "choose_again", "restore_run")),
    )
)
TARGET_UNRESOLVED = declare(
    Reason("restore.target_unresolved", _("Some objects wait for a choice: %(count)s."), (RESOLVE,))
)
SECRET_MISSING = declare(
    Reason("restore.secret_missing", _("Some objects wait for a secret: %(count)s."), (ENTER,))
)
NOTHING_TO_DO = declare(Reason("restore.nothing_to_do", _("Nothing would change."), (OPEN,), severity="info"))
ALREADY_EXECUTED = declare(
    Reason("restore.already_executed", _("This restore was executed already."), (OPEN,))
)
SOURCE_HIDDEN = declare(
    Reason("restore.source_hidden", _("The backup is of another tenant. You may not use it here."), (OPEN,))
)
ITEM_FAILED = declare(Reason("restore.item_failed", _("%(name)s was not restored."), (OPEN,)))
ITEM_UNCERTAIN = declare(
    Reason(
        "restore.item_uncertain",
        _("Nobody knows whether %(name)s was written. Look at it first."),
        (OPEN,),
        severity="warning",
    )
)
PARTLY_RESTORED = declare(
    Reason(
        "restore.partly_restored",
        _("%(failed)s of %(requested)s objects are not as planned."),
        (OPEN,),
        severity="warning",
    )
)
