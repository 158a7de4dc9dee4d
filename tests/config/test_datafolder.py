import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.datafolder import DataFolderError, check_writable, prepare, secret_key, socket_path


def test_the_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = secret_key(tmp_path)
    assert secret_key(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_processes_that_start_together_agree_on_the_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(secret_key, [tmp_path] * 32))
    assert len(set(keys)) == 1


def test_an_empty_secret_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(DataFolderError, match="holds no secret key"):
        secret_key(tmp_path)


def test_a_file_in_the_folders_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    for use in (prepare, check_writable, secret_key):
        with pytest.raises(DataFolderError, match=r"cannot be written .* Set TAGDESK_DATA"):
            use(tmp_path / "data")


def test_the_folder_is_private(tmp_path: Path) -> None:
    prepare(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_the_write_check_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["/a", "/" + "long/" * 60, "/été/文章"])
def test_the_sockets_path_is_short_whatever_the_folder(folder: str) -> None:
    assert len(bytes(socket_path(Path(folder), Path("/tmp")))) < 100


def test_each_data_folder_has_a_socket_of_its_own() -> None:
    assert socket_path(Path("/a")) != socket_path(Path("/b"))


def test_a_deep_temporary_folder_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/" + "deep/" * 30)
    assert socket_path(Path("/a")).parts[:2] == ("/", "tmp")
