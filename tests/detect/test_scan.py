"""The scan from files and arrays to verdicts: what it answers, and what it refuses, in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from earwitness.core.audio import Audio, Limits, resample, save
from earwitness.core.errors import AudioError, DecodeError, LimitError, UsageError, WeightsError
from earwitness.detect.options import Options
from earwitness.detect.scan import scan, scan_many
from earwitness.detect.verdict import Failure, Verdict

from .conftest import RATE, Speech, make_fake


def told(verdict: Verdict) -> str:
    return " ".join(verdict.reasons)


def test_a_recording_and_its_copy_are_told_apart(speech: Speech, tiny: str) -> None:
    real = speech(6.0, seed=100)
    genuine, synthetic = scan(real, RATE, detector=tiny), scan(make_fake(real, 0.8), RATE, detector=tiny)
    assert genuine.score is not None and synthetic.score is not None
    assert genuine.score < 0 < synthetic.score
    assert (genuine.decision, synthetic.decision) == ("genuine", "synthetic")
    assert genuine.probability is not None and genuine.probability < 0.5 and genuine.prior == 0.5
    assert genuine.model["name"] == "tiny" and len(genuine.model["sha256"]) == 64


def test_spans_tile_the_speech_and_average_to_the_score(speech: Speech, tiny: str) -> None:
    verdict = scan(speech(9.0, seed=101), RATE, detector=tiny)
    assert [span.start for span in verdict.spans] == [0.0, 2.0, 4.0, 6.0]
    assert verdict.spans[-1].end == 9.0
    scores = [span.score for span in verdict.spans]
    assert verdict.score is not None and min(scores) - 1e-3 <= verdict.score <= max(scores)


def test_the_prior_moves_the_probability_only(speech: Speech, tiny: str) -> None:
    real = speech(4.0, seed=102)
    low, high = scan(real, RATE, detector=tiny, prior=0.01), scan(real, RATE, detector=tiny, prior=0.9)
    assert low.score == high.score and low.probability is not None and high.probability is not None
    assert low.probability < high.probability and (low.prior, high.prior) == (0.01, 0.9)
    with pytest.raises(UsageError, match="prior"):
        scan(real, RATE, detector=tiny, prior=1.0)


def test_wav_and_flac_and_array_are_the_same(speech: Speech, tiny: str, tmp_path: Path) -> None:
    samples = np.round(speech(5.3, seed=103) * 32767).astype(np.int16)
    scores = [scan(samples, RATE, detector=tiny).score]
    for name in ("a.wav", "a.flac"):
        save(tmp_path / name, Audio.of(samples, RATE))
        scores.append(scan(tmp_path / name, detector=tiny).score)
    assert scores[0] is not None and len(set(scores)) == 1


def test_other_rates_move_the_score_little(speech: Speech, tiny: str) -> None:
    audio = Audio.of(speech(5.0, seed=104), RATE)
    mine = scan(audio, detector=tiny).score
    for rate in (44100, 48000):
        other = scan(resample(audio, rate), detector=tiny).score
        assert mine is not None and other is not None and abs(mine - other) < 0.5


def test_alone_or_among_others_or_in_a_pool_the_score_is_the_same(speech: Speech, tiny: str, tmp_path: Path) -> None:
    for index in range(6):
        save(tmp_path / f"{index}.wav", Audio.of(speech(2.0 + index, seed=index), RATE))
    alone = [scan(tmp_path / f"{index}.wav", detector=tiny) for index in range(6)]
    among = list(scan_many([tmp_path], Options(detector=tiny)))
    assert among == alone
    assert list(scan_many([tmp_path], Options(detector=tiny), workers=2)) == alone


def test_the_channel_with_the_highest_score_is_reported(speech: Speech, tiny: str) -> None:
    real = speech(5.0, seed=105)
    fake = make_fake(real, 0.8)[: len(real)]
    verdict = scan(np.stack([np.zeros_like(real), real, fake]), RATE, detector=tiny)
    assert verdict.channel == 2 and verdict.score == scan(fake, RATE, detector=tiny).score


def test_antiphase_stereo_is_scored_as_its_channels(speech: Speech, tiny: str) -> None:
    real = speech(5.0, seed=106)
    verdict = scan(np.stack([real, -real]), RATE, detector=tiny)
    assert verdict.score == pytest.approx(scan(real, RATE, detector=tiny).score, abs=1e-3)


def test_eight_channels_at_192_khz(speech: Speech, tiny: str, tmp_path: Path) -> None:
    one = resample(Audio.of(speech(3.0, seed=107), RATE), 192000).samples[0]
    silence = np.zeros_like(one)
    save(tmp_path / "wide.wav", Audio(np.stack([silence] * 5 + [one] + [silence] * 2), 192000))
    verdict = scan(tmp_path / "wide.wav", detector=tiny)
    assert verdict.channel == 5 and verdict.score is not None and verdict.seconds == pytest.approx(3.0)


@pytest.mark.parametrize(("samples", "reason"), [(0, "no sound"), (1, "silent|too little"), (1600, "too little")])
def test_too_short_is_inconclusive(samples: int, reason: str, speech: Speech, tiny: str, tmp_path: Path) -> None:
    save(tmp_path / "short.wav", Audio(speech(1.0)[None, :samples], RATE))
    verdict = scan(tmp_path / "short.wav", detector=tiny)
    assert (verdict.decision, verdict.score, verdict.probability, verdict.spans) == ("inconclusive", None, None, ())
    assert any(word in told(verdict) for word in reason.split("|"))


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-6])
def test_silence_and_constants_are_inconclusive(value: float, tiny: str) -> None:
    verdict = scan(np.full(5 * RATE, value, np.float32), RATE, detector=tiny)
    assert verdict.decision == "inconclusive" and verdict.score is None and "silent" in told(verdict)


def test_steady_noise_is_not_speech(tiny: str) -> None:
    noise = np.random.default_rng(0).normal(size=5 * RATE) * 0.1
    verdict = scan(noise.astype(np.float32), RATE, detector=tiny)
    assert verdict.score is None and "too little speech" in told(verdict)


def test_a_narrow_band_is_inconclusive(speech: Speech, tiny: str) -> None:
    low = resample(resample(Audio.of(speech(5.0, seed=108), RATE), 4000), RATE)
    verdict = scan(low, detector=tiny)
    assert verdict.score is None and "band is too narrow" in told(verdict)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_reported(value: float, speech: Speech, tiny: str, tmp_path: Path) -> None:
    samples = speech(4.0, seed=109).copy()
    samples[1000:1003] = value
    import soundfile

    soundfile.write(tmp_path / "odd.wav", samples, RATE, subtype="FLOAT")
    for verdict in (scan(samples, RATE, detector=tiny), scan(tmp_path / "odd.wav", detector=tiny)):
        assert verdict.score is not None and np.isfinite(verdict.score)
        assert any("3 samples are not numbers" in text for text in verdict.warnings)


def test_nothing_but_nan_is_silent(tiny: str) -> None:
    verdict = scan(np.full(3 * RATE, np.nan, np.float32), RATE, detector=tiny)
    assert verdict.score is None and "silent" in told(verdict)


def test_what_cannot_be_read_raises_alone_and_fails_among_others(speech: Speech, tiny: str, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is not sound\n" * 40)
    (tmp_path / "empty.wav").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere")
    save(tmp_path / "good 'n \"한국\n.wav", Audio.of(speech(3.0, seed=110), RATE))
    with pytest.raises(DecodeError):
        scan(tmp_path / "text.wav", detector=tiny)
    answers = list(scan_many([tmp_path, tmp_path / "missing.wav"], Options(detector=tiny)))
    assert [type(answer) for answer in answers].count(Verdict) == 1
    failures = {Path(a.path).name: a.error for a in answers if isinstance(a, Failure)}
    assert set(failures) == {"text.wav", "empty.wav", "pipe.wav", "gone.wav", "missing.wav"}
    assert all("\n" not in error.strip() and error for error in failures.values())


def test_limits_are_kept(speech: Speech, tiny: str, tmp_path: Path) -> None:
    save(tmp_path / "long.wav", Audio.of(speech(5.0), RATE))
    with pytest.raises(LimitError):
        scan(tmp_path / "long.wav", detector=tiny, limits=Limits(max_seconds=2.0))


def test_wrong_use_is_named(speech: Speech, tiny: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rate"):
        scan(speech(1.0), detector=tiny)
    with pytest.raises(UsageError, match="rate"):
        scan(tmp_path / "a.wav", 16000, detector=tiny)
    with pytest.raises(WeightsError, match=r"no detector named 'none'.*tiny"):
        scan(speech(1.0), RATE, detector="none")
    with pytest.raises(AudioError):
        scan(np.array([["a"]]), RATE, detector=tiny)
    with pytest.raises(WeightsError):
        scan_many([tmp_path], Options(detector="none"))
    with pytest.raises(UsageError, match="synthetic or genuine, not 'real'"):
        scan(np.zeros(RATE), RATE, detector=tiny, codec_is="real")  # type: ignore[arg-type]


def test_a_long_file_scores_as_its_parts_do(speech: Speech, tiny: str) -> None:
    part = speech(4.0, seed=111)
    short, long = scan(part, RATE, detector=tiny), scan(np.tile(part, 30), RATE, detector=tiny)
    assert short.score is not None and long.score == pytest.approx(short.score, abs=0.05)
    assert long.seconds == 120.0


def test_a_scan_loads_no_training_library(tiny_home: Path, tmp_path: Path, speech: Speech) -> None:
    save(tmp_path / "a.wav", Audio.of(speech(2.0), RATE))
    code = (
        "import sys, earwitness\n"
        f"print(earwitness.scan({str(tmp_path / 'a.wav')!r}, detector='tiny').decision)\n"
        "assert not {'torch', 'sklearn', 'librosa', 'onnx', 'pyarrow', 'matplotlib'} & set(sys.modules)\n"
    )
    env = {**os.environ, "EARWITNESS_HOME": str(tiny_home)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("genuine", "synthetic", "inconclusive")
