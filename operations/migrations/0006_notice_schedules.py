"""Beat's rows for notices: secrets that end soon each day, e-mail twice a minute."""

from django.db import migrations

SCHEDULES = (
    ("Tell of secrets that end soon", "operations.tasks.tell_expiring", 1, "days"),
    ("Send notices by e-mail", "operations.tasks.send_mail", 30, "seconds"),
)


def add(apps, schema_editor):
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule").objects
    for name, task, every, period in SCHEDULES:
        interval = intervals.get_or_create(every=every, period=period)[0]
        apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
            name=name, defaults={"task": task, "interval": interval}
        )


def remove(apps, schema_editor):
    names = [name for name, *_ in SCHEDULES]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=names).delete()


class Migration(migrations.Migration):
    dependencies = [("operations", "0005_notices")]

    operations = [migrations.RunPython(add, remove)]
