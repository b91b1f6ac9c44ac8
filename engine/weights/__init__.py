"""Weights on disk: streaming readers and writers of safetensors, and folding adapters into them.

Importing this package loads no torch: names, shapes and hashes are read without it, and only
`WeightsReader.read` needs it.
"""

from engine.weights.errors import WeightsError
from engine.weights.formats import PlannedTensor, TensorSource, dtype_code
from engine.weights.reader import WeightsReader
from engine.weights.writer import WeightsWriter

__all__ = [
    "PlannedTensor",
    "TensorSource",
    "WeightsError",
    "WeightsReader",
    "WeightsWriter",
    "dtype_code",
]
