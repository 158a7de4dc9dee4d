"""Fine-tune a model with transformers' Trainer, on batches of our own making."""

import math
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from training.engine import device, ranks
from training.engine.align import Ids, Piece
from training.engine.batches import collate_states, collate_targets
from training.engine.checkpoints import Checkpoint, Checkpoints
from training.engine.dropout import quick_dropout
from training.engine.frozen import Frozen, freeze_vectors, frozen_after, frozen_layers, leaving
from training.engine.recipe import Settings

Example = tuple[Piece, Ids]
AfterStep = Callable[[int, float | None], None]  # steps done, and the loss of the last


class Diverged(Exception):
    """The loss is no longer a number: the settings are at fault, most often the learning rate."""


class Rows(Dataset[tuple[Piece | torch.Tensor, Ids]]):
    """Examples; once the frozen part of the model has read them, what it made of them with their targets."""

    def __init__(self, examples: Sequence[Example], below: Frozen) -> None:
        self.examples, self.below = examples, below

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Piece | torch.Tensor, Ids]:
        piece, target = self.examples[index]
        return (piece if self.below.states is None else self.below.states[index]), target


def collate_rows(rows: Sequence[Any], pad_id: int) -> dict[str, Any]:
    """Pad rows of one kind."""
    return collate_targets(rows, pad_id) if isinstance(rows[0][0], Piece) else collate_states(rows)


class BatchTrainer(Trainer):
    """A Trainer that reads the batches it is given, in their order, and keeps the last loss; `below` is what of its
    model is left as it is.
    """

    def __init__(self, batches: Sequence[list[int]], below: Frozen, **others: Any) -> None:
        super().__init__(**others)
        self.batches = batches
        self.below = below
        self.last_loss = math.nan

    def get_train_dataloader(self) -> DataLoader[Any]:
        loader: DataLoader[Any] = DataLoader(
            self.train_dataset,  # type: ignore[arg-type]
            batch_sampler=self.batches,
            num_workers=0,  # nothing is read ahead: the step after layers were frozen begins above them
            collate_fn=self.data_collator,
            pin_memory=self.args.device.type == "cuda",
        )
        return loader

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        self.last_loss = float(loss)
        return loss

    def save_model(self, *args: Any, **kwargs: Any) -> None:
        """Keep what was trained, also what is not trained any more."""
        with self.below.as_begun():
            super().save_model(*args, **kwargs)


class Keeping(NamedTuple):
    """Where checkpoints are kept, and what is told with each, to be had again when training goes on from it."""

    checkpoints: Checkpoints
    told: Callable[[], dict[str, Any]]


class EachStep(TrainerCallback):
    """Tell how far training is after each step, and keep a checkpoint when one is due; whatever is told may raise, and
    so end the training.
    """

    def __init__(self, after_step: AfterStep, keeping: Keeping | None) -> None:
        self.after_step = after_step
        self.keeping = keeping
        self.trainer: BatchTrainer | None = None

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        assert self.trainer is not None
        loss = self.trainer.last_loss
        if not math.isfinite(loss):
            raise Diverged(f"The loss became {loss} at step {state.global_step}. Try a lower learning rate.")
        self.after_step(state.global_step, loss)
        if self.keeping and state.global_step < state.max_steps:
            control.should_save = ranks.first_says(self.keeping.checkpoints.is_due())

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        ranks.wait_for_all()  # each keeps its own share of a checkpoint
        if self.keeping and ranks.rank() == 0:
            self.keeping.checkpoints.seal(state.global_step, self.keeping.told())


class FreezeMore(TrainerCallback):
    """Freeze more layers as training goes on, at the same steps when it goes on from a checkpoint."""

    def __init__(self, below: Frozen, last: int) -> None:
        self.below, self.last = below, last

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._rise(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._rise(state)

    def _rise(self, state: Any) -> None:
        self.below.rise(frozen_after(state.global_step / state.max_steps, self.below.first, self.last))


def fit(
    model: Any,
    tokenizer: Any,
    examples: Sequence[Example],
    batches: Sequence[list[int]],
    settings: Settings,
    after_step: AfterStep,
    keeping: Keeping | None = None,
    since: Checkpoint | None = None,
) -> None:
    """Train `model` in place on the batches (lists of indices of examples), in their order.

    Raises Diverged, and whatever `after_step(step, loss)` raises. Leaves nothing on the disk but the checkpoints that
    it is told to keep; from `since` on it does what it would have done had it not been cut off there.
    """
    pad_id = tokenizer.pad_token_id or 0
    first, last = (frozen_layers(model, share) for share in (settings.frozen_share, settings.frozen_at_last))
    if settings.freeze_embeddings:
        freeze_vectors(model)
    with quick_dropout(model), leaving(model, first, [piece for piece, _ in examples], pad_id) as below:
        after_step(since.step if since else 0, None)
        callbacks = EachStep(after_step, keeping), FreezeMore(below, last)
        _train(model, tokenizer, Rows(examples, below), batches, settings, callbacks, since)


def _train(
    model: Any,
    tokenizer: Any,
    rows: Rows,
    batches: Sequence[list[int]],
    settings: Settings,
    callbacks: tuple[EachStep, FreezeMore],
    since: Checkpoint | None,
) -> None:
    keeping = callbacks[0].keeping
    mine = ranks.share(batches)
    with tempfile.TemporaryDirectory(prefix="tagdesk-") as aside:
        trainer = BatchTrainer(
            mine,
            rows.below,
            model=model,
            args=_arguments(settings, str(keeping.checkpoints.folder) if keeping else aside, len(mine)),
            train_dataset=rows,
            data_collator=partial(collate_rows, pad_id=tokenizer.pad_token_id or 0),
            processing_class=tokenizer,
            callbacks=list(callbacks),
        )
        trainer.remove_callback(PrinterCallback)
        callbacks[0].trainer = trainer
        try:
            trainer.train(resume_from_checkpoint=str(since.folder) if since else None)
        finally:
            # What computes in half precision is hung onto the model, and would go on doing so when it is scored.
            trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)


def _arguments(settings: Settings, folder: str, steps: int) -> TrainingArguments:
    arguments = TrainingArguments(
        output_dir=folder,
        num_train_epochs=1,  # the batches of all epochs come as one long one
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=round(settings.warmup * steps),
        weight_decay=settings.weight_decay,
        optim="adamw_torch_fused",
        seed=settings.seed,
        data_seed=settings.seed,
        use_cpu=not torch.cuda.is_available(),
        bf16=device.mixed_precision() is torch.bfloat16,
        fp16=device.mixed_precision() is torch.float16,
        save_strategy="no",  # but when EachStep says so
        save_total_limit=2,  # the one before goes once the new one is sealed
        logging_strategy="no",
        eval_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        average_tokens_across_devices=False,  # the models give the mean of their own batch
    )
    # One GPU a process: transformers would split each batch over all that it sees.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments
