"""Beat's row for archived tenants: each day, delete those that were kept as long as promised."""

from django.db import migrations

NAME = "Delete archived tenants whose time has come"


def add(apps, schema_editor):
    every = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(every=1, period="days")[0]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "tenantpilot.lifecycle.tasks.delete_expired", "interval": every}
    )


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0004_tenant_life"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(add, remove)]
