"""The perceptual hash against its definition, and digests."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from search.hashing import perceptual
from search.hashing.digest import sha256_file, sha256_stream
from tests import media


def hash_by_definition(picture: Image.Image) -> int:
    """The DCT hash written out as sums, with nothing in common with the code under test but Pillow."""
    pixels = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS), dtype=float)
    wave = [[math.cos(math.pi * u * (2 * x + 1) / 64) for x in range(32)] for u in range(8)]
    low = [
        sum(pixels[y][x] * wave[v][y] * wave[u][x] for y in range(32) for x in range(32))
        for v in range(8)
        for u in range(8)
    ]
    ordered = sorted(low)
    median = (ordered[31] + ordered[32]) / 2
    return int("".join("1" if value > median else "0" for value in low), 2)


@pytest.mark.parametrize("seed", range(3))
def test_the_hash_is_what_its_definition_says(seed: int) -> None:
    picture = media.picture(seed)
    assert perceptual.phash(np.asarray(picture)) == hash_by_definition(picture)


def test_the_hashes_of_flips_and_turns_are_those_of_flipped_and_turned_pictures() -> None:
    pixels = np.asarray(media.picture(5, (160, 160)))
    found = perceptual.phash_dihedral(pixels)
    wanted = []
    for start in (pixels, pixels[:, ::-1]):
        for turns in range(4):
            wanted.append(perceptual.phash(np.ascontiguousarray(np.rot90(start, turns))))
    assert len(set(wanted)) == 8
    distances = perceptual.hamming(np.array(found, np.uint64), np.array(wanted, np.uint64))
    assert distances.max() <= 2  # Pillow rounds differently along rows and columns
    assert found[0] == perceptual.phash(pixels)


def test_a_recompressed_copy_stays_near_and_another_picture_is_far() -> None:
    original, other = media.picture(1), media.picture(2)
    copy = media.recompressed(original.resize((200, 150)), quality=30)
    hashes = np.array([perceptual.phash(np.asarray(p)) for p in (original, copy, other)], np.uint64)
    near, far = perceptual.hamming(hashes[0], hashes[1:])
    assert near <= 6 < 16 <= far


def test_grey_and_rgb_arrays_of_the_same_picture_hash_alike() -> None:
    grey = np.asarray(media.picture(3).convert("L"))
    assert perceptual.phash(grey) == perceptual.phash(np.stack([grey] * 3, axis=2))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5))
def test_hamming_counts_differing_bits_for_every_pair(values: list[int]) -> None:
    hashes = np.array(values, np.uint64)
    table = perceptual.hamming(hashes[:, None], hashes[None, :])
    assert table.dtype == np.int64
    assert table.tolist() == [[(a ^ b).bit_count() for b in values] for a in values]


@given(st.integers(0, 2**64 - 1))
def test_a_hash_survives_being_stored_as_a_signed_integer(value: int) -> None:
    stored = perceptual.to_signed(value)
    assert -(2**63) <= stored < 2**63
    assert perceptual.to_unsigned(stored) == value


def test_the_digest_of_a_stream_is_that_of_the_file_it_makes(tmp_path: Path) -> None:
    chunks = [b"one", b"", b"two" * 1000]
    path = tmp_path / "file"
    path.write_bytes(b"".join(chunks))
    assert sha256_stream(chunks) == sha256_file(path) == hashlib.sha256(path.read_bytes()).hexdigest()
