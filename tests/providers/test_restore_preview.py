"""Preview: what a restore would do, frozen on what is there now."""

from operations.choices import RunOutcome
from providers.choices import RestoreAction
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, preview
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick


def test_an_unchanged_tenant_has_nothing_to_restore(live: Live) -> None:
    restore = draft(live, back_up(live))
    run = preview(live, restore)
    assert run.outcome == RunOutcome.SUCCEEDED, (run.reason_code, run.failures)
    items = restore.plan.items.all()
    odd = {item.key: (item.action, item.why) for item in items if item.action != RestoreAction.SKIP}
    assert odd == {}
    assert set(restore.plan.counts) == {"skip"}
