import os
import subprocess
import sys
from pathlib import Path

ASK = """
import sys, django
django.setup()
from django.urls import get_resolver
assert get_resolver().url_patterns
import config.wsgi, training.jobs, training.views
print(*sorted({"torch", "transformers", "datasets", "accelerate", "seqeval", "sklearn"} & set(sys.modules)))
"""


def test_the_web_process_never_imports_what_learning_needs(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "TAGDESK_DATA": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-c", ASK], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == ""
