"""The project's own networks: a RegNet trunk, GeM, a linear layer, and background vectors, in one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from search.embedding.base import Embedder, ModelSpec
from search.embedding.torch_embedder import TorchEmbedder
from search.embedding.torchvision_compat import ensure_torchvision
from search.errors import ModelError
from search.types import Float32Array

FLOATS = (torch.float16, torch.bfloat16, torch.float32)


def load_sightline(spec: ModelSpec, path: Path, *, device: str) -> Embedder:
    """Load the network in the safetensors file at ``path``.

    The file holds the trunk (``stem.*``, ``trunk_output.*`` as torchvision names them), ``head.weight``
    [D, C], ``head.bias`` [D] and ``background`` [M, D], in any float type.

    Raises:
        ModelError: the file is missing, damaged or of another model, or there is no such device.
    """
    tensors = _read(spec, path)
    background = _background(spec, tensors.pop("background", None))
    trunk, channels = _trunk(spec, tensors)
    head = nn.Linear(channels, spec.dimension)
    _fill(head, {"weight": tensors.get("head.weight"), "bias": tensors.get("head.bias")}, spec)
    return TorchEmbedder(spec, trunk=trunk, head=head, background=background, device=device)


def _read(spec: ModelSpec, path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            stated = (file.metadata() or {}).get("model_key")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise ModelError(f"The weights of {spec.key} are missing: {path}.") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(f"The weights of {spec.key} in {path} are damaged: {error}.") from error
    if stated != spec.key:
        raise ModelError(f"The weights in {path} belong to {stated or 'an unnamed model'}, not {spec.key}.")
    return {name: _checked(spec, name, tensor) for name, tensor in tensors.items()}


def _checked(spec: ModelSpec, name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    if tensor.dtype not in FLOATS or not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"The weights of {spec.key} are damaged: {name} holds no usable numbers.")
    return tensor.float()


def _trunk(spec: ModelSpec, tensors: dict[str, Tensor]) -> tuple[nn.Module, int]:
    ensure_torchvision()
    from torchvision.models import get_model

    network = get_model(spec.architecture, weights=None)
    channels = int(network.fc.in_features)
    trunk = nn.Sequential()
    for name in ("stem", "trunk_output"):
        trunk.add_module(name, network.get_submodule(name))
    _fill(trunk, {name: value for name, value in tensors.items() if not name.startswith("head.")}, spec)
    return trunk, channels


def _fill(module: nn.Module, tensors: dict[str, Tensor | None], spec: ModelSpec) -> None:
    found = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    try:
        module.load_state_dict(found, strict=True)
    except RuntimeError as error:
        raise ModelError(f"The weights of {spec.key} do not fit its architecture: {error}") from error


def _background(spec: ModelSpec, tensor: Tensor | None) -> Float32Array:
    if tensor is None or tensor.ndim != 2 or tensor.shape[1] != spec.dimension:
        raise ModelError(f"The weights of {spec.key} have no background vectors of {spec.dimension} values.")
    vectors: Float32Array = nn.functional.normalize(tensor.float()).numpy()
    return np.ascontiguousarray(vectors)
