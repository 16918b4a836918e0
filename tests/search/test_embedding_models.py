"""The registry, the two kinds of models, damaged weights, and number formats."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ImageFilter, ImageOps
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from search.embedding import registry, torch_embedder
from search.embedding.catalogue import SIGHTLINE_0, WEIGHTS_DIRECTORY
from search.embedding.sightline import load_sightline
from search.embedding.torch_embedder import TorchEmbedder, choose_execution, fuse_batch_norms, gem
from search.embedding.torchvision_compat import ensure_torchvision
from search.embedding.torchvision_table import checkpoint_directory, read_table
from search.embedding.torchvision_zoo import feature_layers
from search.errors import ModelError
from search.types import Float32Array, UInt8Array
from tests.media import picture
from tests.search.test_embedding_contract import SQUEEZENET, pictures, put_weights

PROJECT = Path(__file__).parents[2]
WEIGHTS = WEIGHTS_DIRECTORY / SIGHTLINE_0.weights

BATCH_NORM = ("weight", "bias", "running_mean", "running_var")


class TestRegistry:
    def test_looking_up_models_loads_no_network_library(self) -> None:
        code = (
            "import sys; from search.embedding import registry; registry.available();"
            f"registry.get_spec('sightline@0'); registry.get_spec({SQUEEZENET!r});"
            "print(sorted({'torch', 'torchvision', 'faiss', 'av', 'cv2', 'PIL'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
        assert (done.stdout.strip(), done.returncode) == ("[]", 0)

    def test_the_own_model_is_available(self) -> None:
        assert SIGHTLINE_0 in registry.available()
        assert registry.get_spec("sightline@0") == SIGHTLINE_0

    def test_an_unknown_model_is_refused_with_the_names_there_are(self) -> None:
        with pytest.raises(ModelError, match="sightline@0"):
            registry.load("sightline@99")
        with pytest.raises(ModelError):
            registry.get_spec("")

    def test_a_key_cannot_be_taken_twice(self) -> None:
        with pytest.raises(ModelError, match="sightline@0"):
            registry.register(SIGHTLINE_0, lambda spec, device: registry.load(spec.key, device=device))

    def test_a_model_can_be_added(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "_models", dict(registry._models))
        spec = replace(SIGHTLINE_0, name="other")
        registry.register(spec, lambda spec, device: load_sightline(SIGHTLINE_0, WEIGHTS, device=device))
        assert registry.get_spec("other@0") == spec
        assert registry.load("other@0", device="cpu").spec == SIGHTLINE_0

    def test_weights_that_are_not_here_are_not_available(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        assert [spec.key for spec in registry.available()] == ["sightline@0"]
        put_weights(tmp_path, monkeypatch)
        assert SQUEEZENET in {spec.key for spec in registry.available()}


class TestSightline:
    def test_an_edited_picture_stays_closer_than_any_other(self) -> None:
        embedder = registry.load("sightline@0", device="cpu")
        originals = [picture(seed, (256, 192)) for seed in range(24)]
        edited = [
            ImageOps.mirror(original).crop((20, 15, 236, 180)).filter(ImageFilter.GaussianBlur(1))
            for original in originals
        ]
        vectors, queries = (
            embedder.embed(np.stack([np.asarray(each.resize((128, 128))) for each in group]))
            for group in (originals, edited)
        )
        assert (queries @ vectors.T).argmax(axis=1).tolist() == list(range(24))

    def test_both_number_formats_agree(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pixels, vectors = pictures(128, 12), []
        for fast, dtype in ((True, torch.bfloat16), (False, torch.float32)):
            monkeypatch.setattr(torch_embedder, "_cpu_multiplies_bfloat16", lambda fast=fast: fast)
            embedder = registry.load("sightline@0", device="cpu")
            assert isinstance(embedder, TorchEmbedder)
            assert embedder.execution.dtype == dtype
            vectors.append(embedder.embed(pixels))
        assert (vectors[0] * vectors[1]).sum(axis=1).min() > 0.999

    def test_the_vectors_are_those_of_the_plain_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Normalisation, fusion and memory layout change nothing: checked against the textbook path."""
        monkeypatch.setattr(torch_embedder, "_cpu_multiplies_bfloat16", lambda: False)
        pixels = pictures(128, 4)
        found = registry.load("sightline@0", device="cpu").embed(pixels)
        assert found == pytest.approx(plain_sightline(pixels), abs=1e-4)

    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda tensors: tensors.pop("head.bias"), "do not fit"),
            (lambda tensors: tensors.pop("stem.0.weight"), "do not fit"),
            (lambda tensors: tensors.pop("background"), "no background"),
            (lambda tensors: tensors.update({"background": torch.ones(3, 255)}), "no background"),
            (lambda tensors: tensors.update({"extra": torch.ones(3)}), "do not fit"),
            (lambda tensors: tensors.update({"head.weight": torch.ones(256, 399)}), "do not fit"),
            (
                lambda tensors: tensors.update({"head.bias": torch.full((256,), torch.nan)}),
                "no usable numbers",
            ),
            (lambda tensors: tensors.update({"head.bias": torch.ones(256).double()}), "no usable numbers"),
        ],
    )
    def test_weights_that_do_not_fit_are_refused(
        self, tmp_path: Path, damage: Callable[[dict[str, Tensor]], object], words: str
    ) -> None:
        tensors = load_file(WEIGHTS)
        damage(tensors)
        save_file(tensors, tmp_path / "w", {"model_key": "sightline@0"})
        with pytest.raises(ModelError, match=words):
            load_sightline(SIGHTLINE_0, tmp_path / "w", device="cpu")

    def test_weights_of_another_version_are_refused(self) -> None:
        with pytest.raises(ModelError, match="belong to sightline@0"):
            load_sightline(replace(SIGHTLINE_0, version="1"), WEIGHTS, device="cpu")

    @pytest.mark.parametrize("size", [0, 5, 1000, 5_000_000])
    def test_a_torn_file_is_refused(self, tmp_path: Path, size: int) -> None:
        (tmp_path / "w").write_bytes(WEIGHTS.read_bytes()[:size])
        with pytest.raises(ModelError, match="damaged"):
            load_sightline(SIGHTLINE_0, tmp_path / "w", device="cpu")

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"gone\.safetensors"):
            load_sightline(SIGHTLINE_0, tmp_path / "gone.safetensors", device="cpu")


def plain_sightline(pixels: UInt8Array) -> Float32Array:
    ensure_torchvision()
    from torchvision.models import regnet_x_400mf

    tensors = {name: value.float() for name, value in load_file(WEIGHTS).items()}
    network = regnet_x_400mf(weights=None).eval()
    network.load_state_dict(tensors, strict=False)
    mean, std = torch.tensor(SIGHTLINE_0.input.mean), torch.tensor(SIGHTLINE_0.input.std)
    inputs = ((torch.from_numpy(pixels) / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()
    with torch.inference_mode():
        maps = network.trunk_output(network.stem(inputs))
        pooled = maps.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)
        vectors = pooled @ tensors["head.weight"].T + tensors["head.bias"]
        unit: Float32Array = (vectors / vectors.norm(dim=1, keepdim=True)).numpy()
        return unit


class TestTorchvision:
    def test_missing_weights_are_named_with_the_place_to_put_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        with pytest.raises(ModelError, match=r"resnet50-11ad3fa6\.pth") as caught:
            registry.load("torchvision-resnet50@IMAGENET1K_V2", device="cpu")
        assert str(tmp_path / "hub" / "checkpoints") in str(caught.value)

    def test_weights_with_the_wrong_checksum_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            put_weights(tmp_path, patched)
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        with pytest.raises(ModelError, match="damaged"):
            registry.load(SQUEEZENET, device="cpu")

    def test_weights_that_are_something_else_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = put_weights(tmp_path, monkeypatch)
        torch.save({"something": torch.ones(2)}, path)
        with pytest.raises(ModelError, match="cannot be used"):
            registry.load(SQUEEZENET, device="cpu")

    def test_the_weights_are_looked_for_where_torch_keeps_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for settings in ({}, {"XDG_CACHE_HOME": "/x"}, {"TORCH_HOME": "~/y", "XDG_CACHE_HOME": "/x"}):
            for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
                monkeypatch.delenv(name, raising=False)
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            assert checkpoint_directory() == Path(torch.hub.get_dir()) / "checkpoints"

    def test_the_table_says_what_torchvision_says(self) -> None:
        ensure_torchvision()
        from torchvision import models

        table = {(row.architecture, row.weights): row for row in read_table()}
        published = {
            (name, weights.name): weights
            for name in models.list_models(module=models)
            for weights in models.get_model_weights(name)
        }
        left_out = {key for key in published if key[0].startswith("vit_") or key[1] == "IMAGENET1K_FEATURES"}
        assert table.keys() == published.keys() - left_out
        for key, row in table.items():
            transform = published[key].transforms()
            assert row.file == published[key].url.rsplit("/", 1)[1]
            assert row.size == transform.crop_size[0]
            own_input_rule = {
                "googlenet",
                "inception_v3",
            }  # these rescale their input to .5 and .5 themselves
            half = row.architecture in own_input_rule or transform.mean == [0.5] * 3
            assert (row.normalisation == "half") == half

    @pytest.mark.filterwarnings("ignore:The default weight initialization")
    @pytest.mark.parametrize(
        "architecture", ["resnet18", "densenet121", "googlenet", "mobilenet_v3_small", "shufflenet_v2_x0_5"]
    )
    def test_the_last_map_has_the_dimension_of_the_table(self, architecture: str) -> None:
        ensure_torchvision()
        from torchvision.models import get_model

        layers = feature_layers(get_model(architecture, weights=None)).eval()
        with torch.inference_mode():
            maps = layers(torch.zeros(1, 3, 64, 64))
        expected = next(row.dimension for row in read_table() if row.architecture == architecture)
        assert (maps.ndim, maps.shape[1]) == (4, expected)

    def test_importing_it_works_in_a_fresh_process_and_twice(self) -> None:
        code = (
            "from search.embedding.torchvision_compat import ensure_torchvision;"
            "assert ensure_torchvision() == ensure_torchvision();"
            "import torchvision.models; print(torchvision.models.resnet18 is not None)"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
        assert (done.stdout.strip(), done.stderr) == ("True", "")

    def test_other_errors_of_torchvision_are_not_hidden(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Broken:
            def find_spec(self, name: str, *_: object) -> None:
                if name == "torchvision":
                    raise RuntimeError("something else")

        monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
        monkeypatch.delitem(sys.modules, "torchvision", raising=False)
        with pytest.raises(RuntimeError, match="something else"):
            ensure_torchvision()


class TestExecution:
    DENSE = nn.Sequential(nn.Conv2d(3, 8, 3, groups=1), nn.Conv2d(8, 8, 3, groups=2))
    DEPTHWISE = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8))

    @pytest.mark.parametrize(
        ("features", "trunk", "dtype"),
        [
            ({"amx_bf16": True}, DENSE, torch.bfloat16),
            ({"avx512_bf16": True}, DENSE, torch.bfloat16),
            ({"amx_bf16": True}, DEPTHWISE, torch.float32),
            ({"avx2": True, "amx_bf16": False}, DENSE, torch.float32),
        ],
    )
    def test_bfloat16_only_where_it_is_fast(
        self,
        features: dict[str, bool],
        trunk: nn.Module,
        dtype: torch.dtype,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
        assert choose_execution("cpu", trunk).dtype == dtype

    def test_a_device_that_is_not_there_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ModelError, match="no CUDA device"):
            registry.load("sightline@0", device="cuda")
        assert choose_execution("auto", self.DENSE).device.type == "cpu"

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_the_graphics_card_agrees_with_the_processor(self) -> None:
        pixels = pictures(128, 8)
        here, there = (
            registry.load("sightline@0", device=device).embed(pixels) for device in ("cpu", "cuda")
        )
        assert (here * there).sum(axis=1).min() > 0.999

    def test_fused_batch_norms_change_no_value(self) -> None:
        torch.manual_seed(1)
        inner = nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4))
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), inner, nn.BatchNorm2d(4))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                size = module.num_features
                module.load_state_dict({name: torch.rand(size) + 0.5 for name in BATCH_NORM}, strict=False)
        network.eval().requires_grad_(False)
        inputs = torch.randn(2, 3, 8, 8)
        before = network(inputs)
        fuse_batch_norms(network)
        assert sum(isinstance(module, nn.BatchNorm2d) for module in network.modules()) == 1
        assert torch.allclose(network(inputs), before, atol=1e-5)

    def test_gem_is_between_the_mean_and_the_maximum(self) -> None:
        maps = torch.rand(2, 3, 4, 4)
        pooled = gem(maps)
        assert bool((pooled >= maps.mean((2, 3))).all())
        assert bool((pooled <= maps.amax((2, 3))).all())
        assert torch.allclose(gem(torch.full((1, 1, 2, 2), 0.7)), torch.tensor([[0.7]]))
