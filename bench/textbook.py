"""Token classification as the textbooks write it: `Trainer`, sequences one by one cut off at the encoder's end, argmax.

Nothing of the engine is used here, so that it can be compared with it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
    set_seed,
)

Row = tuple[list[str], list[str]]  # words and tags


class Recipe(NamedTuple):
    learning_rate: float = 2e-5
    epochs: int = 3
    batch: int = 16


class Examples(torch.utils.data.Dataset[dict[str, Any]]):
    def __init__(self, tokenizer: Any, sequences: Sequence[Row], tag_ids: dict[str, int]) -> None:
        self.rows = [encoded(tokenizer, words, tags, tag_ids) for words, tags in sequences]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def encoded(tokenizer: Any, words: list[str], tags: list[str], tag_ids: dict[str, int]) -> dict[str, Any]:
    row = tokenizer(words, is_split_into_words=True, truncation=True, max_length=512)
    labels, before = [], None
    for word in row.word_ids():
        labels.append(-100 if word is None or word == before else tag_ids[tags[word]])
        before = word
    return {"input_ids": row["input_ids"], "attention_mask": row["attention_mask"], "labels": labels}


def trained(encoder: str, sequences: Sequence[Row], tags: list[str], recipe: Recipe, seed: int, folder: Path) -> Any:
    """Train, and give the trainer, which predicts too."""
    set_seed(seed)
    tokenizer: Any = AutoTokenizer.from_pretrained(encoder)
    model = AutoModelForTokenClassification.from_pretrained(
        encoder, id2label=dict(enumerate(tags)), label2id={tag: i for i, tag in enumerate(tags)}
    )
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(folder),
            learning_rate=recipe.learning_rate,
            num_train_epochs=recipe.epochs,
            per_device_train_batch_size=recipe.batch,
            per_device_eval_batch_size=recipe.batch,
            seed=seed,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
        train_dataset=Examples(tokenizer, sequences, {tag: i for i, tag in enumerate(tags)}),
        data_collator=DataCollatorForTokenClassification(tokenizer),
        processing_class=tokenizer,
    )
    trainer.train()
    return trainer


def predicted(trainer: Any, sequences: Sequence[Row], tags: list[str]) -> list[list[str]]:
    """Tag sequences by argmax; a word beyond the encoder's end is `O`, as nobody has looked at it."""
    tag_ids = {tag: i for i, tag in enumerate(tags)}
    logits, labels, _ = trainer.predict(Examples(trainer.processing_class, sequences, tag_ids))
    rows = [[tags[i] for i in row[seen != -100].argmax(axis=-1)] for row, seen in zip(logits, labels, strict=True)]
    return [[*row, *["O"] * (len(words) - len(row))] for row, (words, _) in zip(rows, sequences, strict=True)]


def seconds_of(trainer: Any) -> float:
    """The seconds of training alone."""
    return float(next(entry["train_runtime"] for entry in trainer.state.log_history if "train_runtime" in entry))
