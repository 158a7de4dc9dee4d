"""A model as ONNX Runtime computes it on the processor: exported once into a file, which the tokenizer goes with.

The model's own folder stays as it is (and loads with plain transformers); the files lie wherever the caller keeps them.
"""

import math
import shutil
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from transformers import AutoConfig

from training.engine import device, encoders
from training.engine.batches import by_length
from training.engine.predict import Batch, Knowledge, Predictor, knowledge

TOKEN_BUDGET = 512  # sub-words in a batch, of which each core computes one; fewer or more are no quicker
SPREAD = 4  # batches for each core at least, where there are as many pieces
AHEAD = 2  # batches for each core that wait to be handed on
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "logits"
OPSET = 17
FILE = "model.onnx"
CLOSE = 1e-3  # how far a logit may be from torch's
# Families whose attention ONNX Runtime computes in one piece. What it does not find in a graph it leaves as it was.
FUSED = {"bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta"}


class NotExported(Exception):
    """A model that ONNX Runtime cannot compute, said in words."""


class _Logits(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def export(folder: Path, file: Path) -> None:
    """Write the model of a folder to `file`, in single precision. Raises NotExported, EncoderError and OSError.

    Torch's older exporter does it: the newer one takes three more packages and as many times as long.
    """
    model = encoders.load_model(str(folder))
    model.set_attn_implementation("eager")  # plain products and a softmax, which ONNX Runtime knows as attention
    wrapped = _Logits(model).eval()  # the exporter leaves it as it was, with all that is in it
    aside = file.with_name(f"{file.name}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                wrapped,
                _probe(2, 7),
                aside,
                input_names=list(INPUTS),
                output_names=[OUTPUT],
                dynamic_axes={name: {0: "pieces", 1: "longest"} for name in (*INPUTS, OUTPUT)},
                opset_version=OPSET,
                dynamo=False,
            )
        if model.config.model_type in FUSED:
            _fuse(aside, model.config)
        _compare(wrapped, aside)
    except NotExported:
        aside.unlink(missing_ok=True)
        raise
    except Exception as error:  # exporters fail in ways of their own, by anything from a RuntimeError to an assertion
        aside.unlink(missing_ok=True)
        raise NotExported(f"It cannot be written for ONNX Runtime ({type(error).__name__}: {error})"[:500]) from error
    aside.replace(file)


def quantize(exact: Path, file: Path) -> None:
    """Write the model once more with its weights as 8-bit integers: smaller and faster, and not quite the same."""
    aside = file.with_name(f"{file.name}.part")
    quantize_dynamic(
        exact,
        aside,
        per_channel=True,
        reduce_range=True,  # seven bits: with eight, processors without VNNI add up more than their registers hold
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gemm", "Attention"],
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT, "MatMulConstBOnly": True},
    )
    aside.replace(file)


def write_folder(model: Path, folder: Path, int8: bool = False) -> None:
    """Write a folder with `model.onnx` and all of the model's own but its weights, whole or not at all.

    Raises NotExported, EncoderError and OSError.
    """
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        shutil.copytree(model, aside, ignore=shutil.ignore_patterns("*.safetensors"))
        export(model, aside / FILE)
        if int8:
            quantize(aside / FILE, aside / FILE)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


class OnnxPredictor(Predictor):
    """A model in a file of ONNX Runtime's, ready to tag.

    Each core computes a batch of its own: a seventh quicker than all of them at one batch, where they wait for each
    other after every step.
    """

    def __init__(self, file: Path, config: Any, knowing: Knowledge) -> None:
        self.session = _session(file)
        self.budget = TOKEN_BUDGET
        self._know(config, knowing)

    def _batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Group pieces, where there are few into so many batches that all cores end at about the same time. A single
        window is one core's: to split it among them gains less than it costs.
        """
        return by_length(lengths, min(self.budget, math.ceil(sum(lengths) / (SPREAD * device.cores()))))

    def _computed(self, batches: Iterable[Batch]) -> Generator[NDArray[np.float32], None, None]:
        """As the torch path has it, but for the few batches that are computed ahead."""
        count = device.cores()
        ahead: deque[Future[NDArray[np.float32]]] = deque()
        with ThreadPoolExecutor(count) as cores:
            try:
                for batch in batches:
                    ahead.append(cores.submit(self._logits, batch))
                    if len(ahead) > AHEAD * count:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    @classmethod
    def load_file(cls, folder: Path, file: Path) -> "OnnxPredictor":
        """Load a file made of this folder's model. Raises EncoderError, and NotExported for a file of no use."""
        device.prepare()
        return cls(file, AutoConfig.from_pretrained(folder), knowledge(folder))

    def _logits(self, batch: Batch) -> NDArray[np.float32]:
        return _run(self.session, *(batch[name].numpy() for name in INPUTS))


def _session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # see OnnxPredictor
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise NotExported(f"ONNX Runtime cannot load it ({type(error).__name__}: {error})"[:500]) from error


def _run(session: onnxruntime.InferenceSession, *inputs: Any) -> NDArray[np.float32]:
    (logits,) = session.run([OUTPUT], dict(zip(INPUTS, inputs, strict=True)))
    return np.asarray(logits, dtype=np.float32)


def _probe(pieces: int, longest: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Input ids and an attention mask of this shape, the last piece shorter by a half."""
    ids = torch.arange(pieces * longest).reshape(pieces, longest) % 29 + 2
    mask = torch.ones_like(ids)
    mask[-1, longest // 2 :] = 0
    return ids, mask


def _fuse(file: Path, config: Any) -> None:
    sizes = {"num_heads": config.num_attention_heads, "hidden_size": config.hidden_size}
    optimizer.optimize_model(str(file), "bert", **sizes, opt_level=1).save_model_to_file(str(file))


def _compare(model: torch.nn.Module, file: Path) -> None:
    """See that pieces of another number and length than the exporter saw come out as from torch. Raises NotExported."""
    ids, mask = _probe(3, 23)
    with torch.inference_mode():
        expected = model(ids, mask).numpy()
    found = _run(_session(file), ids.numpy(), mask.numpy())
    off = float(np.abs(found - expected)[mask.numpy() == 1].max())
    if not off < CLOSE:
        raise NotExported(f"ONNX Runtime computes something else than torch does: a score is off by {off:.3g}")
