import annotate.models.webhook
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0015_gazetteer'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=2000)),
                ('events', models.JSONField(default=list)),
                ('secret', models.CharField(default=annotate.models.webhook.new_secret, max_length=80)),
                ('is_on', models.BooleanField(default=True)),
                ('off_because', models.TextField(blank=True, help_text='In words; empty where a person has switched it off')),
                ('failures', models.PositiveIntegerField(default=0, help_text='Tries in a row that have failed')),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('rests_until', models.DateTimeField(blank=True, help_text='Where nobody answered: no try before then', null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='webhooks', to='annotate.project')),
            ],
            options={
                'ordering': ['pk'],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=uuid.uuid4, help_text='The same at every try, so that receivers know it', unique=True)),
                ('event', models.CharField(choices=[('article.finished', 'an article is finished'), ('run.ended', 'a training has ended'), ('version.promoted', 'a model is made current'), ('import.ended', 'an import has ended'), ('test', 'a test')], max_length=20)),
                ('body', models.TextField()),
                ('status', models.CharField(choices=[('waiting', 'Waiting'), ('sending', 'Being sent'), ('delivered', 'Delivered'), ('failed', 'Failed')], default='waiting', max_length=10)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('next_try_at', models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ('claim', models.UUIDField(blank=True, null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('tried_at', models.DateTimeField(blank=True, null=True)),
                ('code', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('took_ms', models.PositiveIntegerField(blank=True, null=True)),
                ('response', models.TextField(blank=True, help_text='Its beginning')),
                ('error', models.TextField(blank=True, help_text='Why there was no answer, in words')),
                ('webhook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='annotate.webhook')),
            ],
            options={
                'ordering': ['-pk'],
                'indexes': [models.Index(condition=models.Q(('status', 'waiting')), fields=['next_try_at'], name='delivery_due')],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('status__in', ['waiting', 'sending', 'delivered', 'failed'])), name='delivery_status_known'),
                    models.CheckConstraint(condition=models.Q(models.Q(('status', 'waiting'), _negated=True), ('next_try_at__isnull', False), _connector='OR'), name='waiting_delivery_has_its_time'),
                ],
            },
        ),
    ]
