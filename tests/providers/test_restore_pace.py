"""How fast a restore may go: as fast as the provider takes it."""

from pytest_django import Settings

from operations.choices import RunOutcome
from providers.choices import ItemOutcome
from providers.models import RestoreResult
from providers.sandbox.control import Control
from tests.providers.restoring import back_up, make_restorable, restored, writes

COUNTS = {"deviceCompliancePolicies": 21, "termsAndConditions": 21}


def test_a_restore_that_fits_into_the_provider_s_window_waits_for_nothing(
    transactional_db: None, sandbox: Control, settings: Settings
) -> None:
    """42 objects, with Microsoft's limits on both sides of the wire."""
    settings.RESTORE_READ_BACK = (0, 0)
    live = make_restorable(sandbox, policy_counts=COUNTS)
    backup = back_up(live, *COUNTS)
    for key in COUNTS:
        sandbox.wipe(live.slug, key)
    restore, run = restored(live, backup)
    assert run.outcome == RunOutcome.SUCCEEDED, (run.reason_code, run.failures)
    assert RestoreResult.objects.filter(restore_run=restore, outcome=ItemOutcome.VERIFIED).count() == 42
    assert 42 < len(writes(live)) <= 85
    assert run.cost["throttledSeconds"] == 0
    assert 429 not in {entry["status"] for entry in sandbox.log(live.slug, 2000)}
