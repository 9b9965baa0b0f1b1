from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from earwitness.codecs.generate import consent, prompt
from earwitness.core.audio import Audio
from earwitness.core.errors import AudioError, InputError, UsageError
from earwitness.core.files import sha256

GOOD = 'who = "Ada Example"\nbasis = "written-consent"\ndate = 2026-11-30\n'


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "consent.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_consent_is_read_and_shows_no_name_outside(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    found = consent.read(file)
    assert (found.who, found.basis, found.date.year) == ("Ada Example", "written-consent", 2026)
    assert found.public() == {"sha256": sha256(file), "basis": "written-consent"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('basis = "licence"\ndate = 2026-01-01', "does not say 'who'"),
        (GOOD.replace("Ada Example", "  "), "who gave it"),
        (GOOD.replace("written-consent", "writen-consent"), "did you mean 'written-consent'"),
        (GOOD.replace("written-consent", "because"), "one of own-voice"),
        (GOOD.replace("2026-11-30", '"soon"'), "write it as"),
        (GOOD.replace("2026-11-30", "7"), "write it as"),
        (GOOD.replace("2026-11-30", "2999-01-01"), "still to come"),
        (GOOD + 'phone = "1"', "unknown key 'phone'"),
        ("who = ", "cannot be read"),
        ("#" * 70_000, "64 KiB"),
    ],
)
def test_what_is_missing_or_wrong_in_a_consent_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        consent.read(write(tmp_path, text))


def test_a_foreign_voice_needs_a_consent_and_a_training_voice_none(tmp_path: Path) -> None:
    known = frozenset({consent.short("ab" * 32)})
    consent.check("ab" * 32, known, None)
    consent.check("cd" * 32, known, consent.read(write(tmp_path, GOOD)))
    with pytest.raises(UsageError, match="needs a consent"):
        consent.check("cd" * 32, known, None)


def test_a_prompt_is_brought_to_one_level_and_rate() -> None:
    wave = (0.5 * np.sin(np.arange(96_000) / 20)).astype(np.float32)
    loud, quiet = (prompt.prepared(Audio((gain * wave)[None], 48_000)) for gain in (1.0, 0.05))
    assert loud.size == 32_000
    assert np.allclose(loud, quiet, atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [(np.ones(8_000), "at least 1 s"), (np.zeros(32_000), "silent"), (np.full(32_000, np.nan), "NaN")],
)
def test_an_unusable_prompt_is_refused(samples: np.ndarray, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        prompt.prepared(Audio(samples[None].astype(np.float32), 16_000))
