"""What the seals of run events need: one spelling of an event, and the id below which no event can still appear."""

from django.db import migrations

FORWARD = """
-- With what of its run is written once: an event says little about a run whose row was changed.
CREATE FUNCTION runevent_canonical(e operations_runevent) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_array(
    e.id, e.run_id, e.seq, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.kind, e.fence,
    e.actor_id, e.code, e.data, r.tenant_id, r.connection_id, r.operation_type, r.op_key, r.scope_key, r.origin,
    r.initiator_id, r.params)::text
  FROM operations_operationrun r WHERE r.id = e.run_id
$$;

-- A writer holds a lock on the table from before its event has an id until it commits. So in the moment in which this
-- lock is had, every id up to the largest is there or will never be. Nobody waits: NULL while anybody writes.
CREATE FUNCTION runevent_horizon() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  LOCK TABLE operations_runevent IN SHARE MODE NOWAIT;
  RETURN (SELECT coalesce(max(id), 0) FROM operations_runevent);
EXCEPTION WHEN lock_not_available THEN
  RETURN NULL;
END $$;
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION runevent_horizon() SET search_path = %I, pg_temp', current_schema());
END $$;
CREATE TRIGGER events_not_emptied BEFORE TRUNCATE ON operations_runevent
  FOR EACH STATEMENT EXECUTE FUNCTION operations_append_only();
"""
BACK = """
DROP TRIGGER events_not_emptied ON operations_runevent;
DROP FUNCTION runevent_horizon;
DROP FUNCTION runevent_canonical;
"""
NAME = "Seal run events into the audit log"


def add(apps, schema_editor):
    interval = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(
        every=60, period="seconds"
    )[0]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "operations.tasks.seal_events", "interval": interval}
    )


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("operations", "0006_notice_schedules"), ("audit", "0003_seal_index")]

    operations = [migrations.RunSQL(FORWARD, BACK), migrations.RunPython(add, remove)]
