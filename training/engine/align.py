"""From words to the encoder's input, and from tags to its targets. Training and prediction both come through here."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.engine.articles import Article
from training.engine.windows import cut

IGNORED = -100  # the target that torch's cross entropy leaves out
NOBODY = -1  # the owner of a special token, and of a token that is shown as context only

Ids = NDArray[np.int64]


class Piece(NamedTuple):
    """What the encoder sees at once: one window of one article.

    article: index in the sequence that was cut; first, last: the tokens it owns; input_ids: (sub-words,) with special
    tokens; owners: (sub-words,) the token each sub-word belongs to, NOBODY where the piece does not own it.
    """

    article: int
    first: int
    last: int
    input_ids: Ids
    owners: Ids

    def heads(self) -> Ids:
        """Find the first sub-word of each owned token: (last - first,) positions."""
        before = np.concatenate([[NOBODY], self.owners[:-1]])
        return np.flatnonzero((self.owners != NOBODY) & (self.owners != before))


class Subwords(NamedTuple):
    """An article's sub-words without special tokens: ids (sub-words,) and how many each token has (tokens,)."""

    ids: Ids
    counts: Ids


def pieces(tokenizer: Any, articles: Sequence[Article], window: int) -> list[Piece]:
    """Turn articles into pieces of at most `window` sub-words, special tokens included, in order."""
    prefix, suffix = frame(tokenizer)
    room = window - len(prefix) - len(suffix)
    return [
        piece
        for index, (article, subwords) in enumerate(zip(articles, split_words(tokenizer, articles), strict=True))
        for piece in _pieces_of(index, article, _capped(subwords, room), prefix, suffix, room)
    ]


def _pieces_of(index: int, article: Article, subwords: Subwords, prefix: Ids, suffix: Ids, room: int) -> list[Piece]:
    before = np.concatenate([[0], np.cumsum(subwords.counts)])
    tokens = np.repeat(np.arange(len(subwords.counts)), subwords.counts)
    result = []
    for start, end, first, last in cut(subwords.counts, article.sentence_starts, room):
        shown = slice(before[start], before[end])
        owners = np.where((tokens[shown] >= first) & (tokens[shown] < last), tokens[shown], NOBODY)
        input_ids = np.concatenate([prefix, subwords.ids[shown], suffix])
        owners = np.pad(owners, (len(prefix), len(suffix)), constant_values=NOBODY)
        result.append(Piece(index, first, last, input_ids, owners))
    return result


def split_words(tokenizer: Any, articles: Sequence[Article]) -> list[Subwords]:
    """Split each article's words into sub-words. A word the tokenizer makes nothing of gets the unknown id."""
    empty = np.zeros(0, dtype=np.int64)
    filled = [article.words for article in articles if article.words]
    if not filled:
        return [Subwords(empty, empty) for _ in articles]
    batch = tokenizer(
        filled,
        is_split_into_words=True,
        add_special_tokens=False,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,
    )
    split = iter(
        _with_unknown(np.array(ids, dtype=np.int64), batch.word_ids(i), len(filled[i]), unknown_id(tokenizer))
        for i, ids in enumerate(batch["input_ids"])
    )
    return [next(split) if article.words else Subwords(empty, empty) for article in articles]


def _with_unknown(ids: Ids, word_of: Sequence[int], count: int, unknown: int) -> Subwords:
    counts = np.bincount(np.array(word_of, dtype=np.int64), minlength=count)
    missing = np.flatnonzero(counts == 0)
    places = np.concatenate([[0], np.cumsum(counts)])[missing]
    return Subwords(np.insert(ids, places, unknown), np.maximum(counts, 1))


def _capped(subwords: Subwords, room: int) -> Subwords:
    """Cut a token that alone overflows a window down to one window: its tag hangs on its head, not on its tail."""
    if not len(subwords.counts) or subwords.counts.max() <= room:
        return subwords
    before = np.concatenate([[0], np.cumsum(subwords.counts)[:-1]])
    within = np.arange(len(subwords.ids)) - np.repeat(before, subwords.counts)
    return Subwords(subwords.ids[within < room], np.minimum(subwords.counts, room))


def unknown_id(tokenizer: Any) -> int:
    """Find an id that stands for "something I cannot read"; byte-level tokenizers may have no unknown token."""
    candidates = (tokenizer.unk_token_id, tokenizer.mask_token_id, tokenizer.pad_token_id, 0)
    return next(int(candidate) for candidate in candidates if candidate is not None)


def frame(tokenizer: Any) -> tuple[Ids, Ids]:
    """Find the special ids that the tokenizer puts before and after a single text."""
    probe = tokenizer(["a"], is_split_into_words=True, return_special_tokens_mask=True)
    ids = np.array(probe["input_ids"], dtype=np.int64)
    plain = np.flatnonzero(np.array(probe["special_tokens_mask"]) == 0)
    return ids[: plain[0]], ids[plain[-1] + 1 :]


def targets(piece: Piece, tags: Sequence[str], tag_ids: dict[str, int], all_subwords: bool = False) -> Ids:
    """Give each sub-word its target, (sub-words,): an owned token's head its tag, all others IGNORED.

    With `all_subwords` the rest of a token is trained too, on the tag that goes on: `I-X` after a head of `B-X`.
    """
    result = np.full(len(piece.input_ids), IGNORED, dtype=np.int64)
    if all_subwords:
        owned = piece.owners != NOBODY
        inside = np.array([tag_ids[f"I-{tag[2:]}" if tag.startswith("B-") else tag] for tag in tags], dtype=np.int64)
        result[owned] = inside[piece.owners[owned]]
    result[piece.heads()] = [tag_ids[tag] for tag in tags[piece.first : piece.last]]
    return result
