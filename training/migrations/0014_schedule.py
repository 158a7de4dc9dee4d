import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotate', '0014_to_mend'),
        ('training', '0013_run_sent'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='because',
            field=models.CharField(blank=True, help_text='Why it started by itself, in words; empty where somebody asked for it', max_length=200),
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_on', models.BooleanField(default=True)),
                ('articles', models.PositiveIntegerField(blank=True, help_text='Finished since the training before', null=True)),
                ('at', models.TimeField(blank=True, help_text="On the server's clock", null=True)),
                ('recipe', models.CharField(max_length=20)),
                ('set_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('looked_at', models.DateTimeField(blank=True, help_text='The last time of day that was seen to come', null=True)),
                ('project', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='schedule', to='annotate.project')),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('is_on', False), ('articles__gte', 1), ('at__isnull', False), _connector='OR'), name='schedule_on_has_an_occasion')],
            },
        ),
    ]
