"""What the database keeps, whatever Python does."""

from django.db import migrations

FORWARD = """
CREATE SEQUENCE operations_fence AS bigint;
ALTER TABLE operations_operationrun SET (fillfactor = 80);

CREATE FUNCTION operations_run_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'completed' THEN
    RAISE EXCEPTION 'run % has ended: completed is final', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.fence IS NOT NULL AND (NEW.fence IS NULL OR NEW.fence < OLD.fence) THEN
    RAISE EXCEPTION 'run %: a fence never falls', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.status = 'running' AND OLD.status <> 'running' AND NEW.fence IS NOT DISTINCT FROM OLD.fence THEN
    RAISE EXCEPTION 'run %: running is entered only with a new fence', OLD.id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.scope_key <> OLD.scope_key OR NEW.op_key <> OLD.op_key THEN
    RAISE EXCEPTION 'run %: scope and meaning never change', OLD.id USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER run_rules BEFORE UPDATE ON operations_operationrun
  FOR EACH ROW EXECUTE FUNCTION operations_run_rules();

CREATE FUNCTION operations_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER run_kept BEFORE DELETE ON operations_operationrun
  FOR EACH ROW EXECUTE FUNCTION operations_append_only();
CREATE TRIGGER events_kept BEFORE UPDATE OR DELETE ON operations_runevent
  FOR EACH ROW EXECUTE FUNCTION operations_append_only();
"""
BACK = """
DROP TRIGGER events_kept ON operations_runevent;
DROP TRIGGER run_kept ON operations_operationrun;
DROP FUNCTION operations_append_only;
DROP TRIGGER run_rules ON operations_operationrun;
DROP FUNCTION operations_run_rules;
DROP SEQUENCE operations_fence;
"""


class Migration(migrations.Migration):
    dependencies = [("operations", "0002_initial"), ("tenancy", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACK)]
