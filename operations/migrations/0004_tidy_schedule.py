"""Beat's first schedule, a row like every other: tidy up each hour."""

from django.db import migrations

NAME = "Tidy up"


def add(apps, schema_editor):
    every = apps.get_model("django_celery_beat", "IntervalSchedule").objects.get_or_create(every=1, period="hours")[0]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "operations.tasks.tidy", "interval": every}
    )


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0003_rules"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [migrations.RunPython(add, remove)]
