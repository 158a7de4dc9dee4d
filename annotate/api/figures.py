"""What the statistics of a project look like to programs."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

SplitName = Literal["train", "validation", "test", "aside"]


class CountedArticles(BaseModel):
    split: SplitName
    articles: int
    tokens: int
    finished: int = Field(description="Of the articles")
    finished_tokens: int


class CountedEntities(BaseModel):
    label: str
    split: SplitName
    entities: int
    articles: int = Field(description="How many have such an entity")


class Bin(BaseModel):
    start: float
    end: float | None = Field(description="The first number that is not in it; null where all that follow are")
    articles: int


class Spread(BaseModel):
    """How a number of each article is spread."""

    articles: int
    least: float
    median: float
    mean: float
    most: float
    bins: list[Bin]


class CountedBlind(BaseModel):
    """How the tags of finished articles came about."""

    split: SplitName
    blind: int = Field(description="Without suggestions in sight")
    helped: int = Field(description="With a model's word in sight")
    unknown: int = Field(description="Imported: nobody knows")


class CountedMention(BaseModel):
    mention: str
    label: str
    count: int


class ContestedMention(BaseModel):
    mention: str
    labels: dict[str, int] = Field(description="How often it has each label, the most frequent first")


class CountedMentions(BaseModel):
    read: int = Field(description="Finished articles with entities that were read, 50,000 at most")
    as_of: datetime | None = Field(description="When they were read, where something has changed since")
    different: dict[str, int] = Field(description="How many different mentions each label has")
    frequent: list[CountedMention] = Field(description="The most frequent 100 of each label")
    several: int = Field(description="How many mentions have more than one label")
    contested: list[ContestedMention] = Field(description="The most contested 500 of these")


class Statistics(BaseModel):
    articles: list[CountedArticles]
    entities: list[CountedEntities] = Field(description="In finished articles")
    lengths: Spread = Field(description="Tokens an article")
    density: Spread = Field(description="Entities in 100 tokens, of finished articles")
    blind: list[CountedBlind]
    mentions: CountedMentions
