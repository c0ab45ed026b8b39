"""Secrets that were entered for a restore go when its execution ends, whoever ends it, and when its preview is old."""

from django.db import migrations

NAME = "Forget secrets of old previews"

# Compared as text: whatever a run was given, its end never fails for this.
FORWARD = """
CREATE FUNCTION operations_secrets_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM providers_restoresecret WHERE restore_run_id::text = NEW.params ->> 'restoreRun';
  RETURN NULL;
END $$;
CREATE TRIGGER secrets_go AFTER UPDATE OF status ON operations_operationrun
  FOR EACH ROW WHEN (NEW.status = 'completed' AND NEW.operation_type = 'restore.execute')
  EXECUTE FUNCTION operations_secrets_go();
"""
BACK = """
DROP TRIGGER secrets_go ON operations_operationrun;
DROP FUNCTION operations_secrets_go;
"""


def add(apps, schema_editor):
    every = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(every=1, period="minutes")[0]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "operations.tasks.forget_secrets", "interval": every}
    )


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0010_deletion_notices"),
        ("providers", "0011_restore_secrets"),
    ]

    operations = [migrations.RunSQL(FORWARD, BACK), migrations.RunPython(add, remove)]
