"""Classical copy synthesis and codec programs keep the protocol, and the speech."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs import copy_synthesis, programs, zoo
from earwitness.codecs.protocol import Resynthesiser
from earwitness.core.audio import Audio
from earwitness.core.errors import AudioError, MissingPart, UsageError
from numpy.typing import NDArray


def voice(rate: int = 16_000, seconds: float = 1.2, pitch: float = 130.0) -> Audio:
    """A gliding vowel in syllables, with breath between them."""
    time = np.arange(round(rate * seconds)) / rate
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.15 * np.sin(2 * np.pi * time))) / rate
    rng = np.random.default_rng(0)
    sound = 0.003 * rng.standard_normal(time.size)
    syllable = np.clip(np.sin(2 * np.pi * 3 * time) + 0.5, 0, None)
    for k in range(1, 24):
        loud = (
            np.exp(-0.5 * ((k * pitch - 600) / 250) ** 2)
            + 0.5 * np.exp(-0.5 * ((k * pitch - 1700) / 350) ** 2)
            + 0.02
        )
        sound += 0.08 * loud * syllable * np.sin(k * phase)
    return Audio.of(sound, rate)


def envelope(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log power of 20-ms frames in 8 bands up to 4 kHz, of a signal at 16 kHz."""
    frames = samples[: samples.size // 320 * 320].reshape(-1, 320) * np.hanning(320)
    power = np.abs(np.fft.rfft(frames))[:, 2:82].astype(np.float64) ** 2
    level: NDArray[np.float64] = np.log(power.reshape(len(power), 8, 10).sum(-1) + 1e-3)
    return level


@pytest.mark.parametrize("name", copy_synthesis.known())
def test_copy_synthesis_keeps_envelope_length_rate_and_channels(require: Callable[[str], None], name: str) -> None:
    if name == "world":
        require("pyworld")
    member = zoo.open(name)
    assert isinstance(member, Resynthesiser) and member.kbps == ()
    said = voice()
    heard = member.resynth(said)
    assert heard.samples.dtype == np.float32 and heard.samples.shape == said.samples.shape
    assert np.corrcoef(envelope(heard.samples[0]).ravel(), envelope(said.samples[0]).ravel())[0, 1] > 0.85
    assert 0.5 < np.std(heard.samples) / np.std(said.samples) < 2.0
    assert not np.allclose(heard.samples, said.samples, atol=1e-2)
    assert np.array_equal(member.resynth(said).samples, heard.samples)
    stereo = Audio(np.concatenate([voice(22_050).samples, voice(22_050, pitch=200.0).samples]), 22_050)
    assert member.resynth(stereo).samples.shape == stereo.samples.shape
    for length in (0, 1, 500):
        assert member.resynth(Audio(said.samples[:, :length].copy(), 16_000)).samples.shape == (1, length)
    assert np.abs(member.resynth(Audio(np.zeros((1, 8000), np.float32), 16_000)).samples).max() < 1e-3


def test_copy_synthesis_refuses_bitrates_and_broken_samples() -> None:
    member = copy_synthesis.open("lpc")
    with pytest.raises(UsageError, match="no bitrates"):
        member.resynth(voice(), 8.0)
    with pytest.raises(AudioError, match="NaN or Inf"):
        member.resynth(Audio(np.full((1, 3000), np.nan, np.float32), 16_000))


def test_a_pulse_train_keeps_its_pitch_through_lpc() -> None:
    said = voice(pitch=125.0)
    heard = copy_synthesis.open("lpc").resynth(said)
    for wave in (said.samples[0], heard.samples[0]):
        frame = wave[2000:4000].astype(np.float64)
        likeness = np.correlate(frame, frame, "full")[frame.size :]
        assert 100 < 16_000 / (likeness[60:250].argmax() + 61) < 150


@pytest.mark.parametrize("name", programs.known())
def test_an_absent_program_is_a_sentence_with_advice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert name not in programs.names()
    with pytest.raises(MissingPart, match="which is not on the PATH"):
        zoo.open(name)


def stand_in(folder: Path, name: str, shift: int) -> str:
    """A program that copies its last but one argument to its last, 16-bit samples halved by `shift` bits."""
    path = folder / name
    code = (
        f"#!{sys.executable}\nimport sys, array\n"
        "a = array.array('h'); a.frombytes(open(sys.argv[-2], 'rb').read())\n"
        f"open(sys.argv[-1], 'wb').write(array.array('h', [s >> {shift} for s in a]).tobytes())\n"
    )
    path.write_text(code, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_evs_runs_the_binaries_that_the_user_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_EVS_ENCODER", stand_in(tmp_path, "mine_cod", 1))
    monkeypatch.setenv("EARWITNESS_EVS_DECODER", stand_in(tmp_path, "mine_dec", 0))
    assert "evs" in zoo.names()
    said = voice()
    heard = zoo.open("evs").resynth(said, 13.2)
    assert heard.samples.shape == said.samples.shape
    assert np.abs(heard.samples - said.samples / 2).max() < 1e-3
    with pytest.raises(UsageError, match="not 5 kbit/s"):
        zoo.open("evs").resynth(said, 5.0)


def test_a_program_that_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARWITNESS_EVS_DECODER", stand_in(tmp_path, "mine_dec", 0))
    broken = tmp_path / "broken"
    broken.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('licence expired')\n", encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("EARWITNESS_EVS_ENCODER", str(broken))
    with pytest.raises(AudioError, match="evs: broken failed: licence expired"):
        zoo.open("evs").resynth(voice())


@pytest.mark.parametrize("name", ["codec2", "speex"])
def test_an_installed_program_keeps_the_envelope(require: Callable[[str], None], name: str) -> None:
    require({"codec2": "c2enc", "speex": "speexenc"}[name])
    said = voice()
    heard = zoo.open(name).resynth(said)
    assert heard.samples.shape == said.samples.shape
    assert np.corrcoef(envelope(heard.samples[0]).ravel(), envelope(said.samples[0]).ravel())[0, 1] > 0.7
