"""Several processes that train one model together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.engine.test_train import FIVE, LABELS, settings_for
from training.engine import launch, ranks, run_folder
from training.engine.checkpoints import Checkpoints
from training.engine.predict import Predictor
from training.engine.progress import Progress, Stopped
from training.engine.recipe import Settings
from training.engine.train import EncoderError, Start, TrainingError, train

ROOT = Path(__file__).resolve().parents[3]
LONG = 20_000  # epochs: it goes on until somebody ends it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def ordered(folder: Path, encoder: Path, **others: int) -> Settings:
    settings = settings_for(encoder, **others)
    run_folder.write_order(folder, run_folder.Order(settings, LABELS, FIVE, FIVE, "a hash"))
    return settings


def ignore(step: int) -> None:
    pass


def test_an_order_is_read_back_as_it_was_written(folder: Path) -> None:
    order = run_folder.Order(Settings(epochs=3), LABELS, FIVE, FIVE[:2], "a hash", Start(Path("/before"), {"A": None}))
    run_folder.write_order(folder, order)
    assert run_folder.read_order(folder) == order


@pytest.mark.parametrize(("batches", "processes"), [(7, 2), (8, 2), (1, 4), (9, 4), (3, 1)])
def test_every_batch_is_read_and_all_processes_read_equally_many(
    batches: int, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    shares = []
    for rank in range(processes):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(ranks.share(list(range(batches))))
    assert {batch for share in shares for batch in share} == set(range(batches))
    assert len({len(share) for share in shares}) == 1
    assert sum(map(len, shares)) < batches + processes


def test_gpus_are_taken_together_where_each_has_enough_to_do() -> None:
    assert launch.worthwhile(Settings(epochs=5), words=28_000, gpus=8) == 1
    assert launch.worthwhile(Settings(epochs=3), words=2_000_000, gpus=4) == 4
    assert launch.worthwhile(Settings(epochs=3), words=700_000, gpus=4) == 2
    assert launch.worthwhile(Settings(epochs=3), words=2_000_000, gpus=0) == 1


def test_one_gpu_or_none_trains_in_this_process(folder: Path, encoder: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    result = launch.train(
        settings_for(encoder), LABELS, FIVE, FIVE, tmp_path / "model", seen.append, lambda: False, Checkpoints(folder)
    )
    assert result.scores is not None
    assert not (folder / run_folder.ORDER).exists()
    assert Predictor.load(tmp_path / "model").predict(FIVE) == result.predicted


@pytest.mark.slow
def test_two_processes_make_one_model_in_half_the_steps(folder: Path, encoder: Path) -> None:
    ordered(folder, encoder, token_budget=16)
    seen: list[Progress] = []
    result = launch.train_together(folder, 2, seen.append, lambda: False, ignore)
    alone = train(
        settings_for(encoder, token_budget=16), LABELS, FIVE, FIVE, None, lambda progress: None, lambda: False
    )
    together, by_itself = result.manifest["losses"], alone.manifest["losses"]
    assert len(together) == (len(by_itself) + 1) // 2
    assert sum(together[:5]) == pytest.approx(sum(by_itself[:5]), rel=0.3)  # of one batch, not of the two
    assert {progress.phase for progress in seen} >= {"training", "scoring", "saving"}
    assert (result.manifest["data_hash"], result.scores is None) == ("a hash", False)
    assert Predictor.load(folder / run_folder.MODEL).predict(FIVE) == result.predicted


@pytest.mark.slow
def test_the_processes_learn_from_each_other(folder: Path, encoder: Path) -> None:
    ordered(folder, encoder, token_budget=16)
    subprocess.run([*launch.launcher(2), "-m", "tests.training.engine.each_rank", str(folder)], check=True, cwd=ROOT)
    first, second = (load_file(folder / f"weights-{rank}.safetensors") for rank in (0, 1))
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.mark.slow
def test_what_the_processes_raise_is_raised_here(folder: Path, encoder: Path) -> None:
    settings = Settings(**{**settings_for(encoder).as_dict(), "encoder": str(folder / "nowhere")})
    run_folder.write_order(folder, run_folder.Order(settings, LABELS, FIVE, FIVE))
    with pytest.raises(EncoderError, match="nowhere"):
        launch.train_together(folder, 2, lambda progress: None, lambda: False, ignore)


@pytest.mark.slow
def test_processes_that_are_killed_are_told_of_in_words(folder: Path, encoder: Path) -> None:
    ordered(folder, encoder, epochs=LONG)

    def kill(progress: Progress) -> None:
        if progress.phase == "training" and progress.step > 2:
            for pid in at_work(folder):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(TrainingError, match="ended with status"):
        launch.train_together(folder, 2, kill, lambda: False, ignore)


@pytest.mark.slow
def test_a_stop_ends_all_processes(folder: Path, encoder: Path) -> None:
    ordered(folder, encoder, epochs=LONG)
    steps: list[int] = []
    with pytest.raises(Stopped):
        launch.train_together(folder, 2, lambda p: steps.append(p.step), lambda: bool(steps) and steps[-1] > 3, ignore)
    assert not at_work(folder)
    assert not (folder / run_folder.MODEL).exists()


@pytest.mark.slow
def test_the_processes_end_with_the_one_that_waits_for_them(folder: Path, encoder: Path) -> None:
    ordered(folder, encoder, epochs=LONG)
    script = f"""
from pathlib import Path
from training.engine import launch
print_step = lambda progress: print(progress.phase, progress.step, flush=True)
launch.train_together(Path({str(folder)!r}), 2, print_step, lambda: False, lambda step: None)
"""
    waits = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert waits.stdout is not None
    assert any(line.startswith("training 3") for line in waits.stdout)
    assert at_work(folder)
    waits.kill()
    waits.wait()
    until = time.monotonic() + 60
    while at_work(folder) and time.monotonic() < until:
        time.sleep(0.2)
    assert not at_work(folder)


def at_work(folder: Path) -> list[int]:
    """The processes that carry out the folder's order, by their command lines; a zombie has none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(int(path.parent.name))
    return found
