"""The settings of one training run, and the defaults that fit the data at hand."""

from dataclasses import asdict, dataclass
from typing import Any

from training.engine.encoders import DEFAULT

FEWEST_EPOCHS, MOST_EPOCHS = 3, 20
WORDS_TO_READ = (
    200_000  # words times epochs that a run reads where the limits above allow: the less data, the more passes
)


@dataclass(frozen=True)
class Settings:
    """All that steers a run. Every value is plain, so settings travel as JSON."""

    encoder: str = DEFAULT  # the packaged encoder, a Hugging Face id or a folder
    learning_rate: float = 1e-4
    epochs: int = 8
    token_budget: int = 512  # sub-words in a batch, padding included
    window: int = 256  # sub-words seen at once at most; a shorter limit of the encoder wins
    weight_decay: float = 0.01
    warmup: float = 0.1  # share of the steps in which the learning rate rises
    all_subwords: bool = False  # train on every sub-word of a token, not on the first alone
    freeze_embeddings: bool = True  # leave the word vectors as they are: quicker, at no loss measured
    seed: int = 1

    @classmethod
    def for_data(cls, articles: int, words: int, **others: Any) -> "Settings":
        """Pick the defaults for this many training articles and words; others may be set by name."""
        epochs = max(FEWEST_EPOCHS, min(MOST_EPOCHS, round(WORDS_TO_READ / max(words, 1))))
        return cls(**{"epochs": epochs, **others})

    def as_dict(self) -> dict[str, Any]:
        """Give the settings as a dict that JSON can hold; `Settings(**it)` reads it back."""
        return asdict(self)
