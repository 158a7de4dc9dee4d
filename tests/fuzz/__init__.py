"""Bytes that nobody would write, put through every reader of files.

`python -m tests.fuzz SECONDS [TARGET]` hunts for such that a reader stumbles over, with atheris (which is not among
what `make setup-dev` installs: `.venv/bin/python -m pip install atheris`). What it finds is put into `found/`, and
`test_readers.py` puts it through again, with the seeds and with what hypothesis makes of them.
"""
