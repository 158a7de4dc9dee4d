"""A random encoder of each family, with the kind of tokenizer that the family comes with, small enough for a test."""

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    DebertaConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
)
from transformers.models.auto.modeling_auto import AutoModel

from tests.training.engine.tiny import wordpiece

READ = ["Ada met Bob in Oslo .", "Carla Dee visited Rome .", "Nobody met anyone in winter .", string.ascii_letters]
WIDE = 32  # hidden units
LONGEST = 64  # sub-words, special ones included


class Family(NamedTuple):
    tokenizer: Callable[[], Any]
    config: Callable[[Any], Any]


def byte_level(before: Any = None) -> Any:
    """Byte-level BPE as RoBERTa's, DeBERTa's and ModernBERT's: the blank before a word is part of it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if before is not None:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [before, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        READ,
        trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    return _fast(tokenizer, *special)


def unigram() -> Any:
    """Unigram as XLM-R's and DeBERTa v3's: the offsets of a word's first sub-word include the blank before it."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(
        READ, trainers.UnigramTrainer(vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False)
    )
    return _fast(tokenizer, *special)


def _fast(tokenizer: Tokenizer, start: str, pad: str, end: str, unknown: str, mask: str) -> Any:
    ids = {name: tokenizer.token_to_id(name) for name in (start, end)}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", pair=f"{start} $A {end} $B {end}", special_tokens=list(ids.items())
    )
    fast: Any = PreTrainedTokenizerFast
    names = {"bos_token": start, "pad_token": pad, "eos_token": end, "unk_token": unknown, "mask_token": mask}
    return fast(tokenizer_object=tokenizer, cls_token=start, sep_token=end, model_max_length=LONGEST, **names)


def _sizes(tokenizer: Any, offset: int = 0) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDE,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": LONGEST + offset,
        "pad_token_id": tokenizer.pad_token_id,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }


def _distilbert(tokenizer: Any) -> Any:
    sizes: dict[str, Any] = {
        "dim": WIDE,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 64,
        "dropout": 0.0,
        "attention_dropout": 0.0,
    }
    return DistilBertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=LONGEST, pad_token_id=tokenizer.pad_token_id, **sizes
    )


def _deberta(config: Any, **others: Any) -> Callable[[Any], Any]:
    relative = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
    return lambda tokenizer: config(**_sizes(tokenizer), **relative, position_biased_input=False, **others)


def _modernbert(tokenizer: Any) -> Any:
    sizes = {name: value for name, value in _sizes(tokenizer).items() if not name.endswith("_prob")}
    ids: dict[str, Any] = {"bos_token_id": 0, "cls_token_id": 0, "eos_token_id": 2, "sep_token_id": 2}
    return ModernBertConfig(
        **sizes,
        **ids,
        local_attention=16,
        layer_types=["full_attention", "sliding_attention"],
        embedding_dropout=0.0,
        mlp_dropout=0.0,
    )


FAMILIES = {
    "BERT": Family(wordpiece, lambda tokenizer: BertConfig(**_sizes(tokenizer))),
    "MiniLM": Family(wordpiece, lambda tokenizer: BertConfig(**{**_sizes(tokenizer), "num_hidden_layers": 3})),
    "DistilBERT": Family(wordpiece, _distilbert),
    "ELECTRA": Family(wordpiece, lambda tokenizer: ElectraConfig(**_sizes(tokenizer), embedding_size=16)),
    "RoBERTa": Family(byte_level, lambda tokenizer: RobertaConfig(**_sizes(tokenizer, offset=2))),
    "XLM-R": Family(unigram, lambda tokenizer: XLMRobertaConfig(**_sizes(tokenizer, offset=2))),
    "DeBERTa": Family(byte_level, _deberta(DebertaConfig)),
    "DeBERTa v2": Family(unigram, _deberta(DebertaV2Config)),
    "DeBERTa v3": Family(
        unigram,
        _deberta(DebertaV2Config, share_att_key=True, norm_rel_ebd="layer_norm", position_buckets=16),
    ),
    "ModernBERT": Family(byte_level, _modernbert),
}


def build(name: str, folder: Path) -> Path:
    """Write a random encoder of this family with its tokenizer."""
    torch.manual_seed(0)
    family = FAMILIES[name]
    tokenizer = family.tokenizer()
    AutoModel.from_config(family.config(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
