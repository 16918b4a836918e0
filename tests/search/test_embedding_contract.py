"""What every embedding model promises, checked on each kind of model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search.embedding import registry, torchvision_zoo
from search.embedding.base import Embedder
from search.embedding.torchvision_compat import ensure_torchvision
from search.types import UInt8Array
from tests.media import picture

SQUEEZENET = "torchvision-squeezenet1_1@IMAGENET1K_V1"


def pictures(side: int, count: int) -> UInt8Array:
    return np.stack([np.asarray(picture(seed, (side, side))) for seed in range(count)])


class EmbedderContract(ABC):
    """Inherited by the tests of every model."""

    @pytest.fixture(scope="class")
    @classmethod
    @abstractmethod
    def embedder(cls) -> Iterator[Embedder]: ...

    @pytest.fixture
    def pixels(self, embedder: Embedder) -> UInt8Array:
        return pictures(embedder.spec.input.size, 5)

    def test_vectors_have_the_promised_shape_and_length(self, embedder: Embedder, pixels: UInt8Array) -> None:
        vectors = embedder.embed(pixels)
        assert vectors.shape == (5, embedder.spec.dimension)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)

    def test_different_pictures_get_different_vectors(self, embedder: Embedder, pixels: UInt8Array) -> None:
        vectors = embedder.embed(pixels)
        cosines = vectors @ vectors.T
        assert (cosines[~np.eye(5, dtype=bool)] < 0.99999).all()

    def test_a_picture_gets_the_same_vector_alone_and_in_a_batch(
        self, embedder: Embedder, pixels: UInt8Array
    ) -> None:
        together = embedder.embed(pixels)
        alone = np.concatenate([embedder.embed(pixels[i : i + 1]) for i in range(5)])
        assert (together * alone).sum(axis=1).min() > 0.999

    def test_no_picture_gives_no_vector(self, embedder: Embedder, pixels: UInt8Array) -> None:
        assert embedder.embed(pixels[:0]).shape == (0, embedder.spec.dimension)

    def test_more_pictures_than_one_batch_are_taken(
        self, embedder: Embedder, pixels: UInt8Array, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("search.embedding.torch_embedder.MAX_BATCH", 2)
        assert embedder.embed(pixels).shape == (5, embedder.spec.dimension)

    def test_read_only_and_strided_pictures_are_taken(
        self, embedder: Embedder, pixels: UInt8Array, recwarn: pytest.WarningsRecorder
    ) -> None:
        strided = np.repeat(pixels, 2, axis=0)[::2]
        strided.flags.writeable = False
        assert (embedder.embed(strided) * embedder.embed(pixels)).sum(axis=1).min() > 0.999
        assert not recwarn.list

    def test_extreme_pictures_give_finite_vectors(self, embedder: Embedder) -> None:
        side = embedder.spec.input.size
        flat = np.stack([np.full((side, side, 3), value, np.uint8) for value in (0, 255)])
        assert np.linalg.norm(embedder.embed(flat), axis=1) == pytest.approx(1, abs=1e-5)

    def test_wrong_pictures_are_refused(self, embedder: Embedder, pixels: UInt8Array) -> None:
        wrongs: list[Any] = [pixels.astype(np.float32), pixels[0], pixels[:, :-1], pixels[..., :1]]
        for wrong in wrongs:
            with pytest.raises(ValueError, match="Pictures must be uint8"):
                embedder.embed(wrong)

    def test_the_background_fits(self, embedder: Embedder) -> None:
        background = embedder.background
        assert background.dtype == np.float32
        assert background.ndim == 2
        assert background.shape[1] == embedder.spec.dimension
        assert np.allclose(np.linalg.norm(background, axis=1), 1, atol=1e-5)


class TestSightline(EmbedderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls) -> Iterator[Embedder]:
        yield registry.load("sightline@0", device="cpu")

    def test_it_has_background_vectors(self, embedder: Embedder) -> None:
        assert embedder.background.shape == (2509, 256)


class TestTorchvision(EmbedderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def embedder(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedder]:
        with pytest.MonkeyPatch.context() as monkeypatch:
            put_weights(tmp_path_factory.mktemp("torch"), monkeypatch)
            yield registry.load(SQUEEZENET, device="cpu")

    def test_it_has_no_background(self, embedder: Embedder) -> None:
        assert embedder.background.shape == (0, 512)


def put_weights(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random weights of SqueezeNet where the published ones would lie, as if their checksum were right."""
    ensure_torchvision()
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    path = home / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    path.parent.mkdir(parents=True)
    torch.save(squeezenet1_1(weights=None).state_dict(), path)
    monkeypatch.setenv("TORCH_HOME", str(home))
    monkeypatch.setattr(torchvision_zoo, "sha256_of", lambda _: "b8a52dc0" + 56 * "0")
    return path
