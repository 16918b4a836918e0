"""torchvision's backbones as specifications, from a table, so that nobody needs torch to look one up.

The table lists every classification model of torchvision whose last layers before pooling give a feature
map (all but the ViTs), with each of its published weights.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from search.embedding.base import InputSpec, ModelSpec

TABLE = Path(__file__).with_name("torchvision_models.csv")
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class TorchvisionRow:
    """One line of the table. ``weights``: torchvision's name for them; ``file``: the name they are published
    under, which ends in the first digits of the file's SHA-256; ``size``: pixels they were trained at;
    ``dimension``: channels of the last map; ``normalisation``: ImageNet's mean and deviation, or .5 and .5.
    """

    architecture: str
    weights: str
    file: str
    size: int
    dimension: int
    normalisation: Literal["imagenet", "half"]


def read_table() -> list[TorchvisionRow]:
    """Every line of the table."""
    with TABLE.open(newline="", encoding="ascii") as stream:
        return [_row(line) for line in csv.DictReader(stream)]


def _row(line: dict[str, str]) -> TorchvisionRow:
    return TorchvisionRow(
        line["architecture"],
        line["weights"],
        line["file"],
        int(line["size"]),
        int(line["dimension"]),
        "half" if line["normalisation"] == "half" else "imagenet",
    )


def torchvision_spec(row: TorchvisionRow) -> ModelSpec:
    """The specification of a backbone: GeM over the last map of the whole, squashed picture.

    Squashing, not cropping, so that nothing at the borders is lost to the search.
    """
    size = InputSpec(row.size, "squash")
    return ModelSpec(
        name=f"torchvision-{row.architecture}",
        version=row.weights,
        architecture=row.architecture,
        weights=row.file,
        input=InputSpec(row.size, "squash", HALF, HALF) if row.normalisation == "half" else size,
        dimension=row.dimension,
        licence="CC-BY-NC-4.0" if "SWAG" in row.weights else "BSD-3-Clause",
        description=f"torchvision's {row.architecture}, {row.weights}, GeM pooling.",
    )


def checkpoint_directory() -> Path:
    """Where torch keeps downloaded weights, by the rules of ``torch.hub.get_dir``."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", str(Path(cache) / "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"


def at_hand(file: str) -> bool:
    """Whether the weights ``file`` is on this machine."""
    return (checkpoint_directory() / file).is_file()
