import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('providers', '0006_clock_and_made_certificates'),
        ('tenancy', '0004_tenant_life'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='RestorePlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hash', models.CharField(max_length=64)),
                ('frozen_at', models.DateTimeField(auto_now_add=True)),
                ('read_at', models.DateTimeField()),
                ('counts', models.JSONField(default=dict)),
                ('resolutions', models.JSONField(default=list)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RestorePlanItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField()),
                ('object_type', models.CharField(max_length=64)),
                ('key', models.CharField(max_length=300)),
                ('name', models.CharField(blank=True, max_length=1024)),
                ('action', models.CharField(choices=[('create', 'Create'), ('update', 'Overwrite'), ('delete', 'Delete'), ('skip', 'Skip'), ('unresolved', 'Unresolved')], max_length=16)),
                ('live_id', models.CharField(blank=True, max_length=200)),
                ('live_hash', models.CharField(blank=True, max_length=64)),
                ('wanted_hash', models.CharField(blank=True, max_length=64)),
                ('why', models.JSONField(null=True)),
                ('warnings', models.JSONField(default=list)),
                ('missing', models.JSONField(default=list)),
                ('candidates', models.JSONField(default=list)),
                ('depends', models.JSONField(default=list)),
                ('sealed', models.BinaryField(null=True)),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='providers.restoreplan')),
                ('source_item', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.backupitem')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RestoreRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('restore', 'Restore'), ('resume', 'Resume'), ('undo', 'Undo')], default='restore', max_length=16)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('executing', 'Executing'), ('executed', 'Executed')], default='draft', max_length=16)),
                ('options', models.JSONField(default=dict)),
                ('version', models.PositiveIntegerField(default=1)),
                ('reading', models.BinaryField(null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('run', models.BigIntegerField(null=True)),
                ('backup', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='restore_runs', to='providers.backup')),
                ('connection', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.providerconnection')),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('parent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='providers.restorerun')),
                ('plan', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='providers.restoreplan')),
                ('safety_backup', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.backup')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='restore_runs', to='tenancy.tenant')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RestoreResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.BigIntegerField()),
                ('outcome', models.CharField(choices=[('verified', 'Restored and verified'), ('differs', 'Restored, but differs'), ('unverified', 'Restored, not read back'), ('failed', 'Failed'), ('uncertain', 'Uncertain'), ('skipped', 'Skipped'), ('not_reached', 'Not reached')], max_length=16)),
                ('reason_code', models.CharField(blank=True, max_length=64)),
                ('facts', models.JSONField(default=dict)),
                ('remote_id', models.CharField(blank=True, max_length=200)),
                ('content_hash', models.CharField(blank=True, max_length=64)),
                ('ended_at', models.DateTimeField(auto_now=True)),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='results', to='providers.restoreplanitem')),
                ('restore_run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='results', to='providers.restorerun')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='restoreplan',
            name='restore_run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='plans', to='providers.restorerun'),
        ),
        migrations.CreateModel(
            name='RestoreSelection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('choice', models.CharField(blank=True, max_length=200)),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.backupitem')),
                ('restore_run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='selections', to='providers.restorerun')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RestoreStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.BigIntegerField()),
                ('key', models.CharField(max_length=600)),
                ('position', models.PositiveIntegerField()),
                ('method', models.CharField(max_length=8)),
                ('path', models.CharField(max_length=600)),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('sent', 'Sent'), ('confirmed', 'Confirmed'), ('refused', 'Refused'), ('uncertain', 'Uncertain')], default='planned', max_length=16)),
                ('sent_count', models.PositiveIntegerField(default=0)),
                ('remote_id', models.CharField(blank=True, max_length=200)),
                ('code', models.CharField(blank=True, max_length=64)),
                ('facts', models.JSONField(default=dict)),
                ('fence', models.BigIntegerField()),
                ('planned_at', models.DateTimeField(auto_now_add=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('answered_at', models.DateTimeField(null=True)),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='providers.restoreplanitem')),
                ('restore_run', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='providers.restorerun')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='TargetMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=32)),
                ('source_id', models.CharField(max_length=200)),
                ('choice', models.CharField(choices=[('map', 'Use another'), ('create', 'Create the group'), ('skip', 'Leave it out')], max_length=8)),
                ('target_id', models.CharField(blank=True, max_length=200)),
                ('target_name', models.CharField(blank=True, max_length=1024)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('decided_at', models.DateTimeField(auto_now=True)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('source_tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenancy.tenant')),
                ('target_tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenancy.tenant')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddConstraint(
            model_name='restoreplanitem',
            constraint=models.UniqueConstraint(fields=('plan', 'position'), name='plan_position_once'),
        ),
        migrations.AddConstraint(
            model_name='restoreplanitem',
            constraint=models.UniqueConstraint(fields=('plan', 'key'), name='plan_key_once'),
        ),
        migrations.AddIndex(
            model_name='restorerun',
            index=models.Index(fields=['tenant', '-id'], name='restore_run_by_tenant'),
        ),
        migrations.AddConstraint(
            model_name='restoreresult',
            constraint=models.UniqueConstraint(fields=('run', 'item'), name='result_once_per_run'),
        ),
        migrations.AddConstraint(
            model_name='restoreselection',
            constraint=models.UniqueConstraint(fields=('restore_run', 'item'), name='item_chosen_once'),
        ),
        migrations.AddIndex(
            model_name='restorestep',
            index=models.Index(fields=['restore_run', 'item'], name='step_by_item'),
        ),
        migrations.AddConstraint(
            model_name='restorestep',
            constraint=models.UniqueConstraint(fields=('run', 'key'), name='step_once_per_run'),
        ),
        migrations.AddConstraint(
            model_name='restorestep',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['sent', 'confirmed', 'uncertain']), _negated=True), ('sent_at__isnull', False), _connector='OR'), name='step_sent_has_time'),
        ),
        migrations.AddConstraint(
            model_name='targetmapping',
            constraint=models.UniqueConstraint(fields=('source_tenant', 'target_tenant', 'kind', 'source_id'), name='target_mapped_once'),
        ),
    ]
