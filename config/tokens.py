"""Keeps the tokens of sign-in links out of what is logged: whoever reads a log must not be able to sign in with it."""

import logging
import re

LOGGERS = ("django.request", "django.server", "gunicorn.access")  # all that log the paths of requests
TOKEN = re.compile(r"(/sign-in/)[^\s\"'?]+")


class CutTokens(logging.Filter):
    """Puts `***` for the token. Lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if "/sign-in/" in said:
            record.msg, record.args = TOKEN.sub(r"\1***", said), ()
        return True


def keep_out_of_logs() -> None:
    # Not by LOGGING: it would take away the handler with which gunicorn has set its logger up.
    for name in LOGGERS:
        logging.getLogger(name).addFilter(CutTokens())
