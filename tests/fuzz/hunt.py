"""One target under atheris, with the options of libFuzzer: run by `python -m tests.fuzz`."""

import logging
import sys
import warnings

import atheris

with atheris.instrument_imports(include=["annotate"]):
    from tests.fuzz.targets import put_through


def main() -> None:
    name = sys.argv.pop(1)
    logging.disable()
    warnings.simplefilter("ignore")
    atheris.Setup(sys.argv, lambda data: put_through(name, data))
    atheris.Fuzz()


main()
