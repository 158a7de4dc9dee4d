"""The encoder of a project, and how fast encoders are here."""

from django.db import models
from django.db.models import Q

from annotate.models import Project


class EncoderChoice(models.Model):
    """The encoder that a project's trainings start from, where it is not the default, as it was found when checked."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="encoder_choice")
    encoder = models.CharField(max_length=300, help_text="A Hugging Face id, or the path of a folder")
    facts = models.JSONField(default=dict, help_text="family, layers, size, lower_case, licence, languages, ...")
    chosen_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.encoder} for {self.project}"


class Speed(models.Model):
    """How fast an encoder was trained on a device last, in words a second as if no layer had been frozen."""

    encoder = models.CharField(max_length=300)
    device = models.CharField(max_length=200)
    words_per_second = models.FloatField()
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["encoder", "device"], name="speed_once_a_device"),
            models.CheckConstraint(condition=Q(words_per_second__gt=0), name="speed_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.encoder} on {self.device}: {self.words_per_second:.0f} words a second"
