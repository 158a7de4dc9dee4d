from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The real articles that lie beside the repository where it is developed."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the articles are not here: {SHARED_DATA} is no folder")
    return SHARED_DATA


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ada")


@pytest.fixture
def signed_in(client: Client, user: User) -> Client:
    client.force_login(user)
    return client
