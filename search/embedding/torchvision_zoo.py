"""torchvision's pretrained backbones as embedders, from weights that are already on the machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from torch import nn

from search.embedding.base import Embedder, ModelSpec
from search.embedding.torch_embedder import TorchEmbedder
from search.embedding.torchvision_compat import ensure_torchvision
from search.embedding.torchvision_table import checkpoint_directory
from search.errors import ModelError

AFTER_MAPS = {"avgpool", "classifier", "fc"}
"""The layer that ends the maps carries one of these names in every torchvision backbone of the table."""

SIDE_BRANCHES = {"aux1", "aux2", "AuxLogits"}
"""Training-time classifiers of GoogLeNet and Inception."""


def load_torchvision(spec: ModelSpec, *, device: str) -> Embedder:
    """Load a backbone of the table; nothing is ever downloaded. It brings no background vectors.

    Raises:
        ModelError: the weights are not on this machine or are damaged, or there is no such device.
    """
    _require_weights(spec, checkpoint_directory() / spec.weights)
    ensure_torchvision()
    from torchvision.models import get_model

    try:  # finds the file that was just checked, and knows the layouts of old files
        network = get_model(spec.architecture, weights=spec.version)
    except (RuntimeError, ValueError, OSError, EOFError) as error:
        raise ModelError(f"The weights of {spec.key} cannot be used: {error}") from error
    nothing = np.empty((0, spec.dimension), np.float32)
    return TorchEmbedder(
        spec, trunk=feature_layers(network), head=nn.Identity(), background=nothing, device=device
    )


def feature_layers(network: nn.Module) -> nn.Sequential:
    """The layers of a torchvision classifier up to its last map [N, C, H, W].

    GeM then clamps at zero, which stands for the rectifier that DenseNet applies outside its layers.
    """
    layers = nn.Sequential()
    for name, child in network.named_children():
        if name in AFTER_MAPS:
            break
        if name not in SIDE_BRANCHES:
            layers.extend(child if isinstance(child, nn.ModuleList) else [child])
    return layers


def _require_weights(spec: ModelSpec, path: Path) -> None:
    if not path.is_file():
        raise ModelError(
            f"The weights of {spec.key} are not on this machine. Put the file {path.name}, as torchvision "
            f"publishes it, into {path.parent} and start again."
        )
    stated = path.stem.rpartition("-")[2]
    if not sha256_of(path).startswith(stated):
        raise ModelError(f"The weights of {spec.key} in {path} are damaged. Fetch the file again.")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; torchvision's file names end in its first digits."""
    with path.open("rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
