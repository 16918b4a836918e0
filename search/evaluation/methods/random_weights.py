"""A network that has learnt nothing: what the architecture alone is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from search.embedding.base import Embedder, ModelSpec
from search.embedding.torch_embedder import TorchEmbedder
from search.embedding.torchvision_compat import ensure_torchvision
from search.embedding.torchvision_zoo import feature_layers


def random_embedder(spec: ModelSpec, *, seed: int, device: str = "auto") -> Embedder:
    """The architecture and input of ``spec`` with torchvision's initial weights drawn from ``seed``.

    Vectors are the pooled channels; there is no head and no background.

    Raises:
        ModelError: there is no such device.
    """
    ensure_torchvision()
    from torchvision.models import get_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk = feature_layers(get_model(spec.architecture, weights=None))
    with torch.inference_mode():
        side = spec.input.size
        channels = int(trunk.eval()(torch.zeros(1, 3, side, side)).shape[1])
    unlearnt = replace(spec, name="random", version=str(seed), dimension=channels, weights="")
    nothing = np.empty((0, channels), np.float32)
    return TorchEmbedder(unlearnt, trunk=trunk, head=nn.Identity(), background=nothing, device=device)
