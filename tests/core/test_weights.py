from __future__ import annotations

from pathlib import Path

import pytest
from earwitness.core import weights
from earwitness.core.errors import WeightsError
from earwitness.core.weights import Card


def made(folder: Path) -> Card:
    (folder / "toy.bin").write_bytes(b"numbers")
    card = Card("toy", "codec", folder, seed=3, settings={"rate": 16_000}, metrics={"mel": 0.5})
    return weights.read_card(weights.write_card(card, {"safetensors": folder / "toy.bin"}))


def test_a_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    card = made(tmp_path)
    assert (card.name, card.seed, card.settings["rate"], card.metrics["mel"]) == ("toy", 3, 16_000, 0.5)
    assert weights.path(card, "safetensors").read_bytes() == b"numbers"
    assert card.created and card.earwitness


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    card = made(tmp_path)
    (tmp_path / "toy.bin").write_bytes(b"other")
    with pytest.raises(WeightsError, match="not the one"):
        weights.path(card, "safetensors")


def test_a_missing_file_and_a_missing_part_are_sentences(tmp_path: Path) -> None:
    card = made(tmp_path)
    (tmp_path / "toy.bin").unlink()
    with pytest.raises(WeightsError, match="is missing"):
        weights.path(card, "safetensors")
    with pytest.raises(WeightsError, match="no part 'onnx'"):
        weights.path(card, "onnx")


def test_a_card_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    inside = tmp_path / "weights"
    inside.mkdir()
    card = Card("toy", "codec", inside, files={"onnx": {"file": "../secret", "sha256": ""}})
    with pytest.raises(WeightsError, match="is missing"):
        weights.path(card, "onnx")


def test_cards_under_home_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_HOME", str(tmp_path))
    (tmp_path / "weights").mkdir()
    made(tmp_path / "weights")
    assert weights.card("toy").name == "toy"
    with pytest.raises(WeightsError, match=r"known: .*toy"):
        weights.card("absent", "codec")


def test_every_shipped_card_has_its_files_unaltered_and_small() -> None:
    for card in weights.cards().values():
        for part in card.files:
            assert weights.path(card, part).stat().st_size < 4_000_000, f"{card.name} {part}"
