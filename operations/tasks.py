"""What Celery runs: one call each."""

from django.core.management import call_command

from operations import answers, execution, expiring, mail, registry
from providers.backups import retention
from providers.restore import entered
from tenantpilot.audit import seals
from tenantpilot.celery import run_task


@run_task
def execute_run(run_id: int, operation_type: str) -> None:
    """Work on one accepted run; an operation that only a newer worker knows is left to that one."""
    if registry.knows(operation_type):
        execution.execute(run_id)


@run_task
def tidy() -> None:
    """Remove answers whose idempotency key has expired, and sessions that have ended. Beat sends it each hour."""
    answers.forget_expired()
    call_command("clearsessions")


@run_task
def seal_events() -> None:
    """Seal the new run events into the audit log's chain. Beat sends it each minute."""
    seals.seal()


@run_task
def tell_expiring() -> None:
    """Tell who manages a secret or an archived tenant that it ends soon. Beat sends it each day."""
    expiring.tell()


@run_task
def keep_backups() -> None:
    """Let go of the backups that no rule keeps. Beat sends it each day."""
    retention.apply_all()


@run_task
def forget_secrets() -> None:
    """Delete secrets that were entered for previews which are too old by now. Beat sends it each minute."""
    entered.forget_expired()


@run_task
def send_mail() -> None:
    """Send notices by e-mail to who asked for it. Beat sends it twice a minute."""
    mail.send_due()
