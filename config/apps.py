from django.apps import AppConfig

from config import tokens


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Tagdesk"

    def ready(self) -> None:
        tokens.keep_out_of_logs()
