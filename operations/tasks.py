"""What Celery runs: one call each."""

from operations import execution
from tenantpilot.celery import run_task


@run_task
def execute_run(run_id: int, operation_type: str) -> None:
    """Work on one accepted run."""
    execution.execute(run_id)
