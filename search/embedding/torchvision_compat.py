"""Importing torchvision where its C extension does not fit the installed torch.

The published torchvision binary is linked to CUDA builds of torch. Beside a CPU build its extension does
not load, and ``import torchvision`` stops at "operator torchvision::nms does not exist". The backbones
need none of its operators, so declaring the two that torchvision itself describes is enough. A normal
install never gets there: it is mended only after its own import has failed in this very way.
"""

from __future__ import annotations

import torch

BOX_OPERATOR = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_declared: list[torch.library.Library] = []  # an operator lives as long as the library that declared it


def ensure_torchvision() -> bool:
    """Make ``import torchvision`` work; true when it had to be mended.

    Raises:
        ImportError: torchvision is not installed.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _declare_operators()
        import torchvision  # noqa: F401
    return bool(_declared)


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(name + BOX_OPERATOR)  # type: ignore[no-untyped-call]
    _declared.append(library)
