"""The product's settings, with each answer saying how many queries it took."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE as PRODUCT

MIDDLEWARE = ["bench.counting.count_queries", *PRODUCT]
