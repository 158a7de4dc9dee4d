import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from tests.training.engine.tiny import make_article
from training.engine import batches as engine_batches
from training.engine import fitting
from training.engine import predict as predict_module
from training.engine.align import IGNORED
from training.engine.articles import Article, tag_names
from training.engine.encoders import EncoderError
from training.engine.predict import Predictor
from training.engine.recipe import Settings, work
from training.engine.train import Diverged, Progress, Result, Start, Stopped, TrainingError, train, untrained

LABELS = ["PER", "LOC"]
NEIGHBOURS = ["Ada", "Bob", "Carla", "Dee", "met", "in", "Rome", "."]
FIVE = [
    make_article("Ada met Bob in Oslo .", "1", PER=["Ada", "Bob"], LOC="Oslo"),
    make_article("Carla Dee visited Rome .", "2", PER="Carla Dee", LOC="Rome"),
    make_article("Nobody met anyone in winter .", "3"),
    Article("4", NEIGHBOURS, ["B-PER", "B-PER", "B-PER", "I-PER", "O", "O", "B-LOC", "O"], [0]),
    make_article("In Oslo Rome is far .", "5", LOC=["Oslo", "Rome"]),
]


class Run(NamedTuple):
    folder: Path
    result: Result
    seen: list[Progress]


def settings_for(encoder: Path, **others: object) -> Settings:
    quick = Settings(encoder=str(encoder), learning_rate=5e-3, epochs=60, token_budget=60, freeze_embeddings=False)
    return dataclasses.replace(quick, **others)  # type: ignore[arg-type]


def run(
    settings: Settings, folder: Path, training: Sequence[Article] = FIVE, validation: Sequence[Article] = FIVE
) -> Run:
    seen: list[Progress] = []
    return Run(folder, train(settings, LABELS, training, validation, folder, seen.append, lambda: False, "h"), seen)


@pytest.fixture(scope="module")
def learnt(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(settings_for(encoder), tmp_path_factory.mktemp("runs") / "v1")


def test_it_learns_five_sentences_by_heart(learnt: Run) -> None:
    assert [predicted.tags for predicted in learnt.result.predicted] == [article.tags for article in FIVE]
    assert learnt.result.scores is not None
    assert learnt.result.scores["f1"] == 1.0


def test_neighbours_of_one_label_stay_two(learnt: Run) -> None:
    fourth = learnt.result.predicted[3]
    assert [span[:3] for span in fourth.spans] == [(0, 1, "PER"), (1, 2, "PER"), (2, 4, "PER"), (6, 7, "LOC")]


def test_what_trained_in_half_precision_is_scored_in_the_usual_one(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.engine.device.mixed_precision", lambda: torch.bfloat16)
    half = run(settings_for(encoder, epochs=10), tmp_path / "v1")
    assert Predictor.load(half.folder).predict(FIVE) == half.result.predicted
    monkeypatch.undo()
    usual = run(settings_for(encoder, epochs=10), tmp_path / "v2")
    assert half.result.manifest["losses"] != usual.result.manifest["losses"]


def test_a_loaded_model_says_what_the_trained_one_said(learnt: Run) -> None:
    again = Predictor.load(learnt.folder).predict(FIVE)
    assert [predicted._replace(spans=[], uncertainty=0) for predicted in again] == [
        predicted._replace(spans=[], uncertainty=0) for predicted in learnt.result.predicted
    ]
    for one, other in zip(again, learnt.result.predicted, strict=True):
        assert one.uncertainty == pytest.approx(other.uncertainty, abs=1e-5)
        assert [span[3] for span in one.spans] == pytest.approx([span[3] for span in other.spans], abs=1e-4)


def test_predictions_come_in_the_order_of_the_articles(learnt: Run) -> None:
    predictor = Predictor.load(learnt.folder)
    shuffled = [FIVE[i] for i in (2, 1, 3, 0, 4)]  # neither by key nor by length
    assert [predicted.key for predicted in predictor.predict(shuffled)] == ["3", "2", "4", "1", "5"]
    assert [predicted.tags for predicted in predictor.predict(shuffled)] == [article.tags for article in shuffled]


def test_the_tail_of_a_long_article_is_tagged(learnt: Run) -> None:
    filler = "in winter nobody met anyone . " * 30
    long = make_article(f"{filler} Ada met Bob in Oslo .", PER=["Ada", "Bob"], LOC="Oslo")
    (predicted,) = Predictor.load(learnt.folder).predict([long._replace(tags=[])])
    assert len(predicted.tags) == len(long.words)
    assert predicted.tags[-6:] == long.tags[-6:]


def test_an_article_without_words_is_predicted_as_nothing(learnt: Run) -> None:
    empty = Article("0", [], [], [])
    predictor = Predictor.load(learnt.folder)
    assert predictor.predict([empty, FIVE[0]])[0] == ("0", [], [], 0.0)
    assert predictor.predict([]) == []


def test_words_that_no_vocabulary_holds_are_predicted_too(learnt: Run) -> None:
    odd = Article("o", ["\u200b", "Ada", "🦊", "漢", "\ufeff", "x" * 600], [], [0])
    (predicted,) = Predictor.load(learnt.folder).predict([odd])
    assert len(predicted.tags) == 6


def test_batches_do_not_change_what_is_predicted(learnt: Run) -> None:
    predictor = Predictor.load(learnt.folder)
    together = predictor.scores(FIVE)
    predictor.budget = 1
    for one, other in zip(predictor.scores(FIVE), together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_training_and_prediction_see_the_same_input_ids(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: dict[str, list[torch.Tensor]] = {"training": [], "prediction": []}
    collate, collate_targets = engine_batches.collate, engine_batches.collate_targets

    def spy_on_prediction(*args: object) -> dict[str, torch.Tensor]:
        batch = collate(*args)  # type: ignore[arg-type]
        batches["prediction"].append(batch["input_ids"])
        return batch

    def spy_on_training(*args: object, **kwargs: object) -> dict[str, torch.Tensor]:
        batch: dict[str, torch.Tensor] = collate_targets(*args, **kwargs)  # type: ignore[arg-type]
        batches["training"].append(batch["input_ids"])
        return batch

    monkeypatch.setattr(predict_module, "collate", spy_on_prediction)
    monkeypatch.setattr(fitting, "collate_targets", spy_on_training)
    long = make_article("Kowalczyk met Ada . " * 20, PER=["Kowalczyk", "Ada"])
    run(settings_for(encoder, epochs=1), tmp_path / "v1", [*FIVE, long], [*FIVE, long])

    def rows(found: list[torch.Tensor]) -> list[list[int]]:
        return sorted([i for i in row if i != 0] for batch in found for row in batch.tolist())

    assert rows(batches["training"]) == rows(batches["prediction"])
    assert len(rows(batches["training"])) > len(FIVE) + 1


def test_every_word_is_trained_on_once_an_epoch(encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    collate_targets = engine_batches.collate_targets

    def count(*args: object, **kwargs: object) -> dict[str, torch.Tensor]:
        batch: dict[str, torch.Tensor] = collate_targets(*args, **kwargs)  # type: ignore[arg-type]
        counted.append(int((batch["labels"] != IGNORED).sum()))
        return batch

    monkeypatch.setattr(fitting, "collate_targets", count)
    long = make_article("Kowalczyk met Ada . " * 40, PER=["Kowalczyk", "Ada"])
    run(settings_for(encoder, epochs=2), tmp_path / "v1", [*FIVE, long], [])
    assert sum(counted) == 2 * sum(len(article.words) for article in [*FIVE, long])


def test_the_folder_loads_with_plain_transformers_and_gives_the_same_scores(learnt: Run) -> None:
    model = AutoModelForTokenClassification.from_pretrained(learnt.folder)
    tokenizer = AutoTokenizer.from_pretrained(learnt.folder)
    assert model.config.id2label == {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC", 4: "I-LOC"}
    assert model.config.label2id == {tag: i for i, tag in model.config.id2label.items()}
    inputs = tokenizer(FIVE[0].words, is_split_into_words=True, return_tensors="pt")
    heads = [inputs.word_ids().index(word) for word in range(len(FIVE[0].words))]
    with torch.inference_mode():
        plain = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[0, heads]
    (ours,) = Predictor.load(learnt.folder).scores([FIVE[0]])
    np.testing.assert_allclose(plain.numpy(), ours, atol=1e-4)


def test_the_folder_holds_safetensors_and_no_checkpoint_or_pickle(learnt: Run) -> None:
    names = {path.name for path in learnt.folder.rglob("*")}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "tagdesk.json"}


def test_the_manifest_says_how_the_model_came_about(learnt: Run, encoder: Path) -> None:
    manifest = json.loads((learnt.folder / "tagdesk.json").read_text())
    assert manifest == learnt.result.manifest
    assert Settings(**manifest["settings"]) == settings_for(encoder)
    assert manifest["labels"] == LABELS
    assert manifest["data_hash"] == "h"
    assert manifest["articles"] == {"training": 5, "validation": 5}
    assert manifest["versions"]["torch"] == torch.__version__
    assert manifest["scores"]["f1"] == 1.0
    assert manifest["words_per_second"] > 0
    assert manifest["losses"][-1] < manifest["losses"][0]


def test_progress_goes_forward_through_the_phases(learnt: Run) -> None:
    phases = list(dict.fromkeys(progress.phase for progress in learnt.seen))
    assert phases == ["preparing", "training", "scoring", "saving"]
    training = [progress for progress in learnt.seen if progress.phase == "training"]
    assert [progress.step for progress in training] == sorted({progress.step for progress in training})
    first, last = training[0], training[-1]
    assert (first.step, first.loss, first.seconds_left) == (0, None, None)
    assert last.step == last.steps == len(learnt.result.manifest["losses"])
    assert (last.epoch, last.epochs, last.seconds_left) == (60, 60, 0)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model_and_another_gives_another(encoder: Path, tmp_path: Path) -> None:
    def losses(name: str, seed: int) -> list[float]:
        found: list[float] = run(settings_for(encoder, epochs=3, seed=seed), tmp_path / name).result.manifest["losses"]
        return found

    first = losses("first", seed=7)
    torch.rand(3)  # whatever else the process drew in between
    assert losses("second", seed=7) == first
    assert losses("third", seed=8) != first


def test_a_run_stops_at_the_next_step_and_leaves_nothing(encoder: Path, tmp_path: Path) -> None:
    steps: list[int] = []

    def stop() -> bool:
        steps.append(1)
        return len(steps) > 4

    with pytest.raises(Stopped):
        train(settings_for(encoder), LABELS, FIVE, [], tmp_path / "v1", lambda progress: None, stop)
    assert len(steps) == 5
    assert list(tmp_path.iterdir()) == []


def test_a_run_stopped_while_saving_leaves_nothing(encoder: Path, tmp_path: Path) -> None:
    phases: list[str] = []
    with pytest.raises(Stopped):
        train(
            settings_for(encoder, epochs=1),
            *(LABELS, FIVE, [], tmp_path / "v1"),
            lambda progress: phases.append(progress.phase),
            lambda: (tmp_path / "v1" / "model.safetensors").exists(),
        )
    assert not (tmp_path / "v1").exists()


def test_a_loss_that_is_no_number_ends_the_run_in_words(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match="lower learning rate"):
        run(settings_for(encoder, learning_rate=1e30), tmp_path / "v1")
    assert not (tmp_path / "v1").exists()


def test_without_validation_there_is_no_score(encoder: Path, tmp_path: Path) -> None:
    result = run(settings_for(encoder, epochs=1), tmp_path / "v1", validation=[]).result
    assert result.scores is None
    assert result.predicted == []


def test_articles_without_entities_are_learnt_from(encoder: Path, tmp_path: Path) -> None:
    nothing = [make_article("nobody met anyone .", str(i)) for i in range(3)]
    result = run(settings_for(encoder, epochs=20), tmp_path / "v1", nothing, nothing).result
    assert {tag for predicted in result.predicted for tag in predicted.tags} == {"O"}


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ([], "no finished articles"),
        ([Article("0", [], [], [])], "no finished articles"),
        ([Article("7", ["Ada"], [], [0])], "Article 7 has 1 words but 0 tags"),
        ([Article("7", ["Ada"], ["B-DATE"], [0])], "B-DATE"),
        ([Article("7", ["Ada", "Lo"], ["O", "I-PER"], [0])], "Article 7, word 2"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_in_words(
    training: list[Article], message: str, encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=message):
        run(settings_for(encoder), tmp_path / "v1", training)


def test_an_encoder_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="cannot be loaded"):
        run(Settings(encoder=str(tmp_path)), tmp_path / "v1")


def test_frozen_embeddings_do_not_move_and_the_rest_does(encoder: Path, tmp_path: Path) -> None:
    folder = run(settings_for(encoder, epochs=2, freeze_embeddings=True), tmp_path / "v1").folder
    before = AutoModelForTokenClassification.from_pretrained(encoder).bert
    after = AutoModelForTokenClassification.from_pretrained(folder).bert
    assert torch.equal(before.embeddings.word_embeddings.weight, after.embeddings.word_embeddings.weight)
    layer = "encoder.layer.1.output.dense.weight"
    assert not torch.equal(before.get_parameter(layer), after.get_parameter(layer))


def test_less_data_is_read_more_often() -> None:
    epochs = [Settings.for_data(articles * 200).epochs for articles in (1, 19, 100, 1000, 20_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] > epochs[-1] >= 3
    assert Settings.for_data(4000, epochs=2, seed=5) == dataclasses.replace(Settings.for_data(4000), epochs=2, seed=5)


@pytest.mark.parametrize(
    ("config", "rate"),
    [
        ({"hidden_size": 384}, 3e-4),
        ({"hidden_size": 128}, 3e-4),
        ({"hidden_size": 768}, 7e-5),
        ({"dim": 768}, 7e-5),
        ({"d_model": 1024}, 4e-5),
        ({"hidden_size": "wide"}, 7e-5),
        ({}, 7e-5),
    ],
)
def test_wider_encoders_are_trained_at_lower_rates(config: dict[str, object], rate: float, tmp_path: Path) -> None:
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert Settings.for_data(4000, encoder=str(tmp_path)).learning_rate == rate
    assert Settings.for_data(4000, encoder=str(tmp_path), learning_rate=0.5).learning_rate == 0.5
    assert Settings.for_data(4000, encoder="nobody/knows-it").learning_rate == 7e-5
    assert Settings.for_data(4000).learning_rate == Settings().learning_rate == 3e-4


def test_settings_travel_as_json() -> None:
    settings = Settings.for_data(2000)
    assert Settings(**json.loads(json.dumps(settings.as_dict()))) == settings


def test_it_goes_on_from_a_model_whose_labels_have_other_names_and_places_now(learnt: Run, encoder: Path) -> None:
    tags = tag_names(["NEW", "LOC", "PERSON"])
    ready = untrained(settings_for(encoder), tags, Start(learnt.folder, {"PER": "PERSON"}))
    again = ready.predict(FIVE)
    for one, before in zip(again, learnt.result.predicted, strict=True):
        known = [span[:3] for span in one.spans if span[2] != "NEW"]
        assert known == [(start, end, {"PER": "PERSON"}.get(label, label)) for start, end, label, _ in before.spans]


def test_a_warm_start_begins_where_the_model_before_ended(learnt: Run, encoder: Path, tmp_path: Path) -> None:
    settings = settings_for(encoder, epochs=1, warm_start=True)
    cold = run(settings_for(encoder, epochs=1), tmp_path / "cold").result
    warm = train(
        settings, LABELS, FIVE, FIVE, tmp_path / "warm", lambda _: None, lambda: False, start=Start(learnt.folder, {})
    )
    assert warm.manifest["losses"][0] < 0.2 * cold.manifest["losses"][0]


def test_recipes_differ_in_passes_and_in_what_is_frozen() -> None:
    quick, standard, thorough = (Settings.for_data(20_000, name) for name in ("quick", "standard", "thorough"))
    assert quick.epochs < standard.epochs < thorough.epochs
    assert quick.frozen_share >= standard.frozen_share >= thorough.frozen_share
    assert quick.frozen_at_last >= standard.frozen_at_last >= thorough.frozen_at_last
    assert work(20_000, quick) < work(20_000, standard)


def test_who_says_what_is_frozen_means_it_for_all_of_the_training() -> None:
    by_hand = Settings.for_data(20_000, frozen_share=0.0)
    assert (by_hand.frozen_share, by_hand.frozen_at_last) == (0.0, 0.0)
    both = Settings.for_data(20_000, frozen_share=0.0, frozen_at_last=0.5)
    assert (both.frozen_share, both.frozen_at_last) == (0.0, 0.5)
    assert Settings.for_data(20_000).frozen_at_last > Settings.for_data(20_000).frozen_share
