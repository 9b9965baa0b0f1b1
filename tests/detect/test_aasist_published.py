"""The published AASIST weights, where the shared folder holds them: golden logits, and a golden pair for the sign."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from earwitness.core.audio import load
from earwitness.core.weights import card
from earwitness.detect import registry
from earwitness.detect.aasist import AASIST, AASIST_L, Aasist, AasistConfig
from earwitness.detect.aasist_import import import_aasist, probes

# Logits of the authors' own network for `probes`, noise and a fading tone: (spoof, bona fide) of each.
GOLDEN = [
    ("aasist/AASIST.pth", AASIST, [[2.4550, -2.6524], [3.3325, -5.3077]]),
    ("aasist/AASIST-L.pth", AASIST_L, [[4.7074, -4.1679], [3.2182, -2.5422]]),
    ("asvspoof5-aasist/best.pth", AASIST, [[2.9946, -2.8886], [-6.5121, 6.0095]]),
]
# One sentence of one speaker, recorded and converted (a `tune` page).
GENUINE, SYNTHETIC = "tts/vtn-taslp/080050ef.flac", "tts/vtn-taslp/666e2d4f.flac"


@pytest.mark.parametrize(("file", "config", "golden"), GOLDEN)
def test_published_weights_give_the_authors_logits(
    shared: Path, file: str, config: AasistConfig, golden: list[list[float]]
) -> None:
    model = Aasist(config).eval()
    state = torch.load(shared / "peers" / file, map_location="cpu", weights_only=True)
    model.load_state_dict(state, strict=True)
    with torch.inference_mode():
        torch.testing.assert_close(model(probes(config)), torch.tensor(golden), atol=1e-3, rtol=1e-3)


def test_golden_pair_guards_the_sign(shared: Path) -> None:
    import_aasist(shared / "peers" / "aasist" / "AASIST.pth")
    assert card("aasist").licence == "MIT"
    detector = registry.open("aasist")
    genuine, synthetic = (
        detector.measure(load(shared / "demos" / file, rate=detector.rate).samples[0])[0]
        for file in (GENUINE, SYNTHETIC)
    )
    assert genuine == pytest.approx(-2.573, abs=0.01)
    assert synthetic == pytest.approx(1.518, abs=0.01)
