"""Completed is final, with one exception: of a tenant that is being deleted, what the provider said is emptied."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION lifecycle_only_emptied(was operations_operationrun, becomes operations_operationrun)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT becomes.failures = '[]' AND becomes.diagnostics = '[]'
    AND ROW(becomes.id, becomes.tenant_id, becomes.connection_id, becomes.operation_type, becomes.op_key,
      becomes.scope_key, becomes.directory_key, becomes.identity, becomes.params, becomes.origin, becomes.surface, becomes.initiator_id,
      becomes.retry_of_id, becomes.status, becomes.outcome, becomes.attempt, becomes.lost_count, becomes.fence,
      becomes.claimed_by, becomes.cancel_requested_at, becomes.cancel_requested_by_id, becomes.reason_code,
      becomes.reason_facts, becomes.progress, becomes.counts, becomes.cost, becomes.event_seq, becomes.created_at,
      becomes.started_at, becomes.completed_at)
    IS NOT DISTINCT FROM ROW(was.id, was.tenant_id, was.connection_id, was.operation_type, was.op_key,
      was.scope_key, was.directory_key, was.identity, was.params, was.origin, was.surface, was.initiator_id,
      was.retry_of_id, was.status, was.outcome, was.attempt, was.lost_count, was.fence,
      was.claimed_by, was.cancel_requested_at, was.cancel_requested_by_id, was.reason_code,
      was.reason_facts, was.progress, was.counts, was.cost, was.event_seq, was.created_at,
      was.started_at, was.completed_at)
    AND EXISTS (SELECT 1 FROM tenancy_tenant t
      WHERE t.id = was.tenant_id AND t.deleting_at IS NOT NULL AND t.deleted_at IS NULL)
$$;
DROP TRIGGER run_rules ON operations_operationrun;
-- An active run never pays for the question.
CREATE TRIGGER run_rules BEFORE UPDATE ON operations_operationrun FOR EACH ROW
  WHEN (CASE WHEN OLD.status = 'completed' THEN NOT lifecycle_only_emptied(OLD, NEW) ELSE true END)
  EXECUTE FUNCTION operations_run_rules();
"""
BACK = """
DROP TRIGGER run_rules ON operations_operationrun;
CREATE TRIGGER run_rules BEFORE UPDATE ON operations_operationrun
  FOR EACH ROW EXECUTE FUNCTION operations_run_rules();
DROP FUNCTION lifecycle_only_emptied;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0001_schedule"),
        ("operations", "0008_write_scopes"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACK)]
