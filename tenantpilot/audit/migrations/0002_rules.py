"""What the database keeps, whatever Python does: entries stay as they are, and each is chained as it commits."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_canonical(e audit_auditentry) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_array(
    e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), e.workspace_id, e.tenant_id, e.actor_id,
    e.action, e.surface, host(e.ip), e.request_id, e.object_kind, e.object_id, e.object_label, e.before, e.after,
    e.reason_code, e.facts)::text
$$;

-- Deferred to the commit: the chain is locked for that moment only, however long the transaction was.
-- The owner's rights write the link, so the role that serves the console needs none on that table.
CREATE FUNCTION audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  last audit_auditlink;
BEGIN
  -- The number is ours alone: "audi" in ASCII.
  PERFORM pg_advisory_xact_lock(1635083369, 0);
  SELECT * INTO last FROM audit_auditlink ORDER BY seq DESC LIMIT 1;
  INSERT INTO audit_auditlink (seq, entry_id, hash) VALUES (
    coalesce(last.seq, 0) + 1, NEW.id,
    sha256(coalesce(last.hash, ''::bytea) || convert_to(audit_canonical(NEW), 'UTF8')));
  RETURN NULL;
END $$;
DO $$ BEGIN
  -- Nobody's temporary table may stand in for ours.
  EXECUTE format('ALTER FUNCTION audit_chain() SET search_path = %I, pg_temp', current_schema());
END $$;
REVOKE EXECUTE ON FUNCTION audit_chain() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER audit_chained AFTER INSERT ON audit_auditentry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_chain();

CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_auditentry
  FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE ON audit_auditlink
  FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit_auditentry
  FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit_auditlink
  FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
REVOKE UPDATE, DELETE ON audit_auditentry, audit_auditlink FROM PUBLIC, CURRENT_USER;
"""
BACK = """
GRANT UPDATE, DELETE ON audit_auditentry, audit_auditlink TO CURRENT_USER;
DROP TRIGGER audit_not_emptied ON audit_auditlink;
DROP TRIGGER audit_not_emptied ON audit_auditentry;
DROP TRIGGER audit_kept ON audit_auditlink;
DROP TRIGGER audit_kept ON audit_auditentry;
DROP TRIGGER audit_chained ON audit_auditentry;
DROP FUNCTION audit_append_only;
DROP FUNCTION audit_chain;
DROP FUNCTION audit_canonical;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACK)]
