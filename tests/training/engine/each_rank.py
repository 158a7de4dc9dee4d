"""Carries out the order of a folder in every process, and leaves each one's model: `python -m` it, launched."""

import sys
from pathlib import Path

from safetensors.torch import save_file

from training.engine import folder as model_folder
from training.engine import ranks, run_folder
from training.engine.train import train

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    order = run_folder.read_order(folder)
    file = folder / f"weights-{ranks.rank()}.safetensors"
    # Of several processes transformers lets only one save.
    model_folder.write = lambda _, model, *others: save_file(model.state_dict(), file)
    train(order.settings, order.labels, order.training, [], folder, lambda progress: None, lambda: False)
