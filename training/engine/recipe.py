"""The settings of one training run, and the recipes that choose them by how much there is to learn from."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from training.engine import shelf
from training.engine.shelf import DEFAULT

FEWEST_EPOCHS, MOST_EPOCHS = 3, 30
PASSES = 200  # over the cube root of the words to learn from: 12 epochs for 4,400 words, 7 for 28,000
# `bench.recipes` tried 1e-4 to 5e-4 with the default encoder, of width 384. Wider ones are trained at less, as is
# usual: 7e-5 at 768, 4e-5 at 1,024.
RATE, RATED_FOR, USUAL_WIDTH = 3e-4, 384, 768


def rate_for(width: int | None) -> float:
    """Choose the learning rate: the wider the layers, the lower. Where the width is not known, a usual one is meant."""
    return float(f"{RATE * min(1, RATED_FOR / (width or USUAL_WIDTH)) ** 2:.1g}")


class Recipe(NamedTuple):
    """How much work to put into a run: the epochs as a multiple of Standard's, and what stays frozen."""

    title: str
    meaning: str
    passes: float
    frozen_share: float
    frozen_at_last: float


# By `bench.train` (five epochs, three seeds) F1 is 0.7037, 0.7160, 0.7107 with a third frozen throughout, and 0.7015,
# 0.7213, 0.7058 where it rises to two thirds, which is a fifth quicker.
RECIPES = {
    "quick": Recipe(
        "Quick", "half the passes, over the upper half of the encoder: to see where it goes", 0.5, 1 / 2, 2 / 3
    ),
    "standard": Recipe("Standard", "as many passes as the articles need", 1, 1 / 3, 2 / 3),
    "thorough": Recipe("Thorough", "twice the passes, all layers: for the model that is to stay", 2, 0, 0),
}
STANDARD = "standard"


@dataclass(frozen=True)
class Settings:
    """All that steers a run. Every value is plain, so settings travel as JSON."""

    encoder: str = DEFAULT  # the packaged encoder, a Hugging Face id or a folder
    recipe: str = STANDARD  # which chose what nobody chose by hand
    learning_rate: float = RATE
    epochs: int = 8
    token_budget: int = 512  # sub-words in a batch, padding included
    window: int = 128  # sub-words seen at once at most: longer ones teach less in the same time
    weight_decay: float = 0.01
    warmup: float = 0.1  # share of the steps in which the learning rate rises
    all_subwords: bool = False  # train on every sub-word of a token, not on the first alone
    freeze_embeddings: bool = True  # leave the vectors of words and positions as they are, which is quicker
    frozen_share: float = 0.0  # and this share of the encoder's layers, lowest first, which is quicker still
    frozen_at_last: float = 0.0  # and, as training goes on, more of them up to this share
    warm_start: bool = False  # go on from the current model, not from the encoder
    seed: int = 1

    @classmethod
    def for_data(cls, words: int, recipe: str = STANDARD, **others: Any) -> "Settings":
        """Pick the recipe's settings for this much to learn from; others may be set by name.

        The less data, the more passes: a few articles need many to teach anything, many articles teach in a few.
        """
        wanted = RECIPES[recipe]
        epochs = round(wanted.passes * PASSES / max(words, 1) ** (1 / 3))
        epochs = max(FEWEST_EPOCHS, min(MOST_EPOCHS, epochs))
        rate = rate_for(shelf.width(others.get("encoder", DEFAULT)))
        frozen = {"frozen_share": wanted.frozen_share, "frozen_at_last": wanted.frozen_at_last}
        if "frozen_share" in others:  # who chose it by hand, or before more could be frozen, meant it for all steps
            frozen["frozen_at_last"] = others["frozen_share"]
        return cls(**{"recipe": recipe, "epochs": epochs, "learning_rate": rate, **frozen, **others})

    def as_dict(self) -> dict[str, Any]:
        """Give the settings as a dict that JSON can hold; `Settings(**it)` reads it back."""
        return asdict(self)


FIXED = 0.1  # of a training step that stays however many layers are frozen: the head, the optimiser, the padding
READING = 0.35  # of what a layer costs in training, where it only reads
LATER = (
    0.4  # of the steps in which a layer that is frozen as training goes on is frozen: the mean of two, with many 0.5
)


def work(words: int, settings: Settings) -> float:
    """How much there is to do, in words that an encoder reads in training while all its layers learn.

    Frozen layers read the articles once, and are left out of every step from then on.
    """
    first = settings.frozen_share
    last = max(first, settings.frozen_at_last)
    learning = 1 - first - LATER * (last - first)
    return words * (settings.epochs * (FIXED + (1 - FIXED) * learning) + READING * last)
