"""The learning itself: pure Python on plain values. The only package that imports torch or transformers."""

import os

# Threads that wait for each other sleep, and do not spin. Two processes that both compute on two cores then share
# them; spinning they took each other's, and each fell to a fifth of its half. OpenMP reads this once, as torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
