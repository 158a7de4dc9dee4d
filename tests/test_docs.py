"""What the documents name is there: tests, commands with their options, variables, files."""

import re

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

ROOT = settings.BASE_DIR
README = (ROOT / "README.md").read_text()
CHAPTER = README.partition("## Commands\n")[2].partition("\n## ")[0]
COMMANDS = {
    row[1]: set(re.findall(r"`(--[a-z-]+)", row[0]))
    for row in re.finditer(r"^\| `([a-z_]+)[^`]*` \|.*$", CHAPTER, re.M)
}
# Django's own, which every command has.
DJANGOS = {
    "--help",
    "--version",
    "--verbosity",
    "--settings",
    "--pythonpath",
    "--traceback",
    "--no-color",
    "--force-color",
    "--skip-checks",
}


def named_tests(text):
    """Each `path::name` of a text; a bare `::name` is of the file named before it."""
    path = ""
    for match in re.finditer(r"`([\w/]+\.py)?::(test_\w+)`", text):
        path = match[1] or path
        yield path, match[2]


@pytest.mark.parametrize("document", ["pains.md", "architecture.md"])
def test_every_test_that_the_documents_name_is_there(document):
    named = list(named_tests((ROOT / "docs" / document).read_text()))
    assert len(named) > 15
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (file := ROOT / "tests" / path).is_file() or f"def {name}(" not in file.read_text()
    ]
    assert missing == []


def test_the_readme_names_every_command_of_ours_with_its_options():
    ours = {name: app for name, app in get_commands().items() if app in {"annotate", "config", "training"}}
    assert set(COMMANDS) == set(ours)
    for name, app in ours.items():
        parser = load_command_class(app, name).create_parser("manage.py", name)
        options = {option for option in parser._option_string_actions if option.startswith("--")}
        assert COMMANDS[name] == options - DJANGOS, name


def test_the_readme_names_every_variable_that_the_settings_read():
    source = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r"""(?:environ(?:\.get\(|\[)|flag\(|words\(|networks\()["'](\w+)["']""", source))
    desktop = {"DISPLAY", "WAYLAND_DISPLAY"}
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.M))
    assert table == read - desktop
    assert all(name in README for name in desktop)


@pytest.mark.parametrize(
    "path", ["README.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_between_documents_lead_somewhere(path):
    document = ROOT / path
    links = re.findall(r"(?<!!)\[[^\]]+\]\(([^)#:]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []
