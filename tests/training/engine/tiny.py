"""Encoders small enough to be built in a test, and articles in a line of text."""

import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizerFast,
)

from annotate.iob2 import tags_of
from training.engine.articles import Article

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_lowercase + string.digits + string.punctuation
WORDPIECES = [*SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), "met", "and", "visited", "in"]


def wordpiece() -> Any:
    """An uncased tokenizer like BERT's, which spells out nearly every word letter by letter."""
    ids = {piece: i for i, piece in enumerate(WORDPIECES)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=2000))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    fast: Any = PreTrainedTokenizerFast
    return fast(tokenizer_object=tokenizer, model_max_length=64, **names)


def tiny_bert(folder: Path, positions: int = 64, layers: int = 2) -> Path:
    """Write a random BERT with its tokenizer, as an encoder's folder."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDPIECES),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    wordpiece().save_pretrained(folder)
    return folder


def tiny_roberta(folder: Path) -> Path:
    """Write a random RoBERTa with a byte-level tokenizer, which sees the blank before a word as part of it."""
    torch.manual_seed(0)
    letters = pre_tokenizers.ByteLevel.alphabet()
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(letters)]
    tokenizer = RobertaTokenizerFast(vocab={piece: i for i, piece in enumerate(vocabulary)}, merges=[])
    tokenizer.model_max_length = 64
    config = RobertaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,
        pad_token_id=1,
    )
    RobertaModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_article(text: str, key: str = "a", **entities: Sequence[str] | str) -> Article:
    """Make an article of words between blanks: `make_article("Ada met Bob .", PER=["Ada", "Bob"])`."""
    words = text.split()
    spans = []
    for label, mentions in entities.items():
        for mention in [mentions] if isinstance(mentions, str) else mentions:
            width = len(mention.split())
            found = [i for i in range(len(words)) if words[i : i + width] == mention.split()]
            spans += [(start, start + width, label) for start in found]
    starts = [0, *(i + 1 for i, word in enumerate(words[:-1]) if word == ".")] if words else []
    return Article(key, words, tags_of(spans, len(words)), starts)
