"""The settings of one training run, and the defaults that fit the data at hand."""

from dataclasses import asdict, dataclass
from typing import Any

from training.engine.encoders import DEFAULT

FEWEST_EPOCHS, MOST_EPOCHS = 3, 20
PASSES = 200  # over the cube root of the words to learn from: 12 epochs for 4,400 words, 7 for 28,000


@dataclass(frozen=True)
class Settings:
    """All that steers a run. Every value is plain, so settings travel as JSON."""

    encoder: str = DEFAULT  # the packaged encoder, a Hugging Face id or a folder
    learning_rate: float = 1e-4
    epochs: int = 8
    token_budget: int = 512  # sub-words in a batch, padding included
    window: int = 128  # sub-words seen at once at most: longer ones teach less in the same time
    weight_decay: float = 0.01
    warmup: float = 0.1  # share of the steps in which the learning rate rises
    all_subwords: bool = False  # train on every sub-word of a token, not on the first alone
    freeze_embeddings: bool = True  # leave the vectors of words and positions as they are, which is quicker
    seed: int = 1

    @classmethod
    def for_data(cls, words: int, **others: Any) -> "Settings":
        """Pick the defaults for this much to learn from; others may be set by name.

        The less data, the more passes: a few articles need many to teach anything, many articles teach in a few.
        """
        epochs = max(FEWEST_EPOCHS, min(MOST_EPOCHS, round(PASSES / max(words, 1) ** (1 / 3))))
        return cls(**{"epochs": epochs, **others})

    def as_dict(self) -> dict[str, Any]:
        """Give the settings as a dict that JSON can hold; `Settings(**it)` reads it back."""
        return asdict(self)
