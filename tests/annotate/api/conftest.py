import pytest

from annotate.models import Project
from tests.asking import Program
from tests.make import make_project, make_user


@pytest.fixture
def project(db: None) -> Project:
    return make_project(manager=make_user("ada"))


@pytest.fixture
def program(project: Project) -> Program:
    """Of the project's manager, and allowed all."""
    return Program(project.memberships.get().user)
