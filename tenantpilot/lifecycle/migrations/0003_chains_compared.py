"""A run's place in its chain is audit, too: the rule of 0002 with two columns more."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION lifecycle_only_emptied(was operations_operationrun, becomes operations_operationrun)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT becomes.failures = '[]' AND becomes.diagnostics = '[]'
    AND ROW(becomes.id, becomes.tenant_id, becomes.connection_id, becomes.operation_type, becomes.op_key,
      becomes.scope_key, becomes.directory_key, becomes.identity, becomes.params, becomes.origin, becomes.surface, becomes.initiator_id,
      becomes.retry_of_id, becomes.chain_id, becomes.chain_step, becomes.status, becomes.outcome, becomes.attempt, becomes.lost_count, becomes.fence,
      becomes.claimed_by, becomes.cancel_requested_at, becomes.cancel_requested_by_id, becomes.reason_code,
      becomes.reason_facts, becomes.progress, becomes.counts, becomes.cost, becomes.event_seq, becomes.created_at,
      becomes.started_at, becomes.completed_at)
    IS NOT DISTINCT FROM ROW(was.id, was.tenant_id, was.connection_id, was.operation_type, was.op_key,
      was.scope_key, was.directory_key, was.identity, was.params, was.origin, was.surface, was.initiator_id,
      was.retry_of_id, was.chain_id, was.chain_step, was.status, was.outcome, was.attempt, was.lost_count, was.fence,
      was.claimed_by, was.cancel_requested_at, was.cancel_requested_by_id, was.reason_code,
      was.reason_facts, was.progress, was.counts, was.cost, was.event_seq, was.created_at,
      was.started_at, was.completed_at)
    AND EXISTS (SELECT 1 FROM tenancy_tenant t
      WHERE t.id = was.tenant_id AND t.deleting_at IS NOT NULL AND t.deleted_at IS NULL)
$$;
"""
BACK = FORWARD
for row in ("becomes", "was"):
    BACK = BACK.replace(f" {row}.chain_id, {row}.chain_step,", "")


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0002_ended_runs_emptied"),
        ("operations", "0009_chains"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACK)]
