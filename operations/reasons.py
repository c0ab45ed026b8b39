"""Why the gate or a run's life said no."""

from django.utils.translation import gettext_lazy as _

from tenantpilot.core.reasons import NextStep, Reason, declare

VIEW_RUN = NextStep(_("View run"), "view_run", route="run")
RETRY = NextStep(_("Retry"), "retry", route="run")
"""Of a read. A write is never repeated: it offers Resume in this step's place, where it says how."""
OPEN_OPERATIONS = NextStep(_("Open operations"), "open_operations", route="operations")

SCOPE_BUSY = declare(
    Reason(
        "operation.scope_busy",
        _("%(holder)s is using %(scope)s. Try again when it ends."),
        (VIEW_RUN,),
        severity="warning",
    )
)
DIRECTORY_BUSY = declare(
    Reason(
        "operation.directory_busy",
        _("A write to this directory began at the same moment."),
        (RETRY,),
        severity="warning",
    )
)
RIGHTS_LOST = declare(
    Reason(
        "operation.rights_lost",
        _("%(person)s may not start this any more. The rest was not started."),
        (OPEN_OPERATIONS,),
        severity="warning",
    )
)
NOT_PERMITTED = declare(
    Reason(
        "operation.not_permitted",
        _("Your role on %(tenant)s does not include this."),
        (NextStep(_("Ask for a role in %(workspace)s."), "ask_role", route="tenant"),),
        severity="warning",
    )
)
ALREADY_RUNNING = declare(
    Reason(
        "operation.already_running",
        _("You joined the run in progress. Nothing was started twice."),
        (VIEW_RUN,),
        severity="info",
    )
)
WORKER_UNAVAILABLE = declare(
    Reason(
        "operation.worker_unavailable",
        _("No worker was seen lately. The run waits for one."),
        (VIEW_RUN,),
        severity="warning",
    )
)
WORKER_LOST = declare(Reason("operation.worker_lost", _("The worker was lost while it worked."), (RETRY,)))
CANCELLED = declare(Reason("operation.cancelled", _("The run was stopped on request."), (), severity="info"))
ATTEMPTS_EXHAUSTED = declare(
    Reason(
        "operation.attempts_exhausted", _("The run was tried %(attempts)s times without success."), (RETRY,)
    )
)
TIMED_OUT = declare(Reason("operation.timed_out", _("The run took longer than it may."), (RETRY,)))
FORCE_RELEASED = declare(
    Reason("operation.force_released", _("An owner ended the run and released its scope."), (RETRY,))
)
INTERNAL_ERROR = declare(
    Reason("operation.internal_error", _("Something broke on our side. Reference %(reference)s."), (RETRY,))
)
PARTLY_READ = declare(
    Reason(
        "operation.partly_read",
        _("%(failed)s of %(requested)s object types could not be read."),
        (RETRY,),
        severity="warning",
    )
)
