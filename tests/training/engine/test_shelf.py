import json
from pathlib import Path

import pytest

from tests.training.engine.families import build
from tests.training.engine.tiny import tiny_bert
from training.engine import shelf
from training.engine.shelf import DEFAULT, EncoderError


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" google-bert/bert-base-cased ", "google-bert/bert-base-cased"),
        ("https://huggingface.co/google-bert/bert-base-cased/tree/main?x=1", "google-bert/bert-base-cased"),
        ("bert-base-cased", "bert-base-cased"),
        (DEFAULT, DEFAULT),
        ("/models/mine/", "/models/mine"),
    ],
)
def test_an_id_an_address_and_a_path_name_an_encoder(typed: str, name: str) -> None:
    assert shelf.named(typed) == name


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (" ", "Type a Hugging Face id"),
        ("~/models/bert", "begins with ~"),
        ("~nobody-here/bert", "begins with ~"),
        ("./bert", "part of a path only"),
        ("../bert", "part of a path only"),
        ("models/mine/bert", "part of a path only"),
        ("C:\\models\\bert", "part of a path only"),
        ("bert base", "neither a Hugging Face id"),
        ("ada/..", "neither a Hugging Face id"),
        ("ada/a--b", "neither a Hugging Face id"),
        ("x" * 301, "longer than any"),
    ],
)
def test_what_names_none_is_told_why(typed: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        shelf.named(typed)


def test_a_home_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    with pytest.raises(EncoderError, match="here /home/ada/bert"):
        shelf.named("~/bert")


def test_a_good_folder_has_nothing_against_it(encoder: Path) -> None:
    assert shelf.why_not(encoder) == ""


def test_each_thing_that_lacks_has_its_own_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "bert"
    assert shelf.why_not(folder) == f"{folder} is not there."
    folder.write_text("")
    assert shelf.why_not(folder) == f"{folder} is a file, not a folder."
    folder.unlink()
    tiny_bert(folder)
    (folder / "tokenizer.json").rename(tmp_path / "aside")
    assert "no tokenizer" in shelf.why_not(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "can run a stranger's code" in shelf.why_not(folder)
    (folder / "pytorch_model.bin").unlink()
    assert "has no weights" in shelf.why_not(folder)
    (folder / "config.json").write_text("{")
    assert "cannot be read" in shelf.why_not(folder)
    (folder / "config.json").unlink()
    assert "holds no encoder" in shelf.why_not(folder)


def test_an_old_sentence_transformers_folder_says_where_its_encoder_is(tmp_path: Path) -> None:
    inner = tiny_bert(tmp_path / "0_Transformer")
    (tmp_path / "modules.json").write_text("[]")
    assert f"choose {inner}." in shelf.why_not(tmp_path)


def test_a_new_sentence_transformers_folder_is_an_encoder_like_any(tmp_path: Path) -> None:
    tiny_bert(tmp_path)
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text("{}")
    assert shelf.why_not(tmp_path) == ""


def test_the_files_tell_what_the_default_is() -> None:
    folder = shelf.place(DEFAULT)
    assert folder is not None
    facts = shelf.facts(folder)
    assert (facts.family, facts.layers, facts.lower_case) == ("bert", 6, True)
    assert (facts.licence, facts.languages, facts.tags) == ("apache-2.0", ["en"], [])
    assert 90_000_000 < facts.size < 92_000_000


def test_capitals_are_kept_where_the_tokenizer_does_not_lower_them(encoder: Path, tmp_path: Path) -> None:
    assert shelf.facts(encoder).lower_case is True
    assert shelf.facts(build("RoBERTa", tmp_path)).lower_case is False
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer_config.json").write_text("{}")
    assert shelf.facts(tmp_path).lower_case is None


@pytest.mark.parametrize(
    ("card", "licence", "languages"),
    [
        ("---\nlicense: mit\nlanguage: de\n---\n", "mit", ["de"]),
        ("---\nlicense: other\nlicense_name: mine\nlanguage:\n- no\n- sv\n---\n", "mine", ["no", "sv"]),
        ("---\nlicense: [\n---\n", "", []),
        ("---\njust words\n---\n", "", []),
        ("no head", "", []),
    ],
)
def test_the_card_says_licence_and_languages_where_it_can_be_read(
    encoder: Path, tmp_path: Path, card: str, licence: str, languages: list[str]
) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes((encoder / name).read_bytes())
    (tmp_path / "README.md").write_text(card)
    facts = shelf.facts(tmp_path)
    assert (facts.licence, facts.languages) == (licence, languages)


@pytest.mark.parametrize(
    ("architecture", "names", "tags"),
    [
        ("BertForTokenClassification", {"1": "B-PER", "0": "O", "10": "I-PER"}, ["O", "B-PER", "I-PER"]),
        ("BertForTokenClassification", {"0": "LABEL_0", "1": "LABEL_1"}, []),
        ("BertForSequenceClassification", {"0": "good", "1": "bad"}, []),
        ("BertForTokenClassification", {"zero": "O"}, []),
        ("BertForTokenClassification", None, []),
    ],
)
def test_a_ready_model_is_known_by_the_names_of_its_outputs(
    architecture: str, names: dict[str, str] | None, tags: list[str]
) -> None:
    config = json.loads(json.dumps({"architectures": [architecture], "id2label": names}))
    assert shelf.ready_tags(config) == tags
