"""Writing sound files, by suffix, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from .errors import AudioError, UsageError
from .files import replacing
from .sound import Audio, Samples

# Suffixes that are not the name of a libsndfile format: (format, subtype).
_ALIASES = {"opus": ("OGG", "OPUS"), "oga": ("OGG", "VORBIS"), "aif": ("AIFF", "PCM_16"), "wave": ("WAV", "PCM_16")}
# Integer subtypes: (bits kept, dtype handed to libsndfile).
_INTEGERS: dict[str, tuple[int, type[np.signedinteger[Any]]]] = {
    "PCM_S8": (8, np.int16),
    "PCM_U8": (8, np.int16),
    "PCM_16": (16, np.int16),
    "PCM_24": (24, np.int32),
    "PCM_32": (32, np.int32),
}
# libsndfile's Vorbis and Opus encoders put each write on the stack and crash on long ones.
_CHUNK = 16384


def save(path: Path | str, audio: Audio, subtype: str | None = None) -> None:
    """Write `audio` in the format that the suffix names (wav, flac, ogg, opus, mp3, aiff, w64, caf, au ...).

    subtype: libsndfile's name; without it PCM_16, or the format's own where it has no PCM_16. Integers
    are rounded and clipped to the range of the format on the grid that `load` reads, so k / 32768
    survives; FLOAT and DOUBLE are not clipped. The file appears whole or not at all.
    Raises UsageError for an unknown suffix or subtype, AudioError for samples that are not finite and
    for a rate or channel count that the format cannot hold.
    """
    target = Path(path)
    form, kind = _format(target, subtype)
    if not np.isfinite(audio.samples).all():
        raise AudioError(f"{target.name!r} was not written: the samples hold NaN or Inf.")
    data = _quantised(audio.samples, kind)
    with replacing(target) as temporary:
        try:
            with soundfile.SoundFile(temporary, "w", audio.rate, audio.channels, kind, format=form) as file:
                for start in range(0, data.shape[1], _CHUNK):
                    file.write(np.ascontiguousarray(data[:, start : start + _CHUNK].T))
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"{target.name!r} cannot hold {audio.channels} channels at {audio.rate} Hz as {form} {kind}: "
                f"{error.error_string}"
            ) from error
        if not temporary.stat().st_size:
            raise AudioError(f"{target.name!r} was not written: {form} files cannot be without samples.")


def _format(target: Path, subtype: str | None) -> tuple[str, str]:
    suffix = target.suffix[1:].lower()
    form, kind = _ALIASES.get(suffix, (suffix.upper(), "PCM_16"))
    if form not in soundfile.available_formats() or form == "RAW":
        raise UsageError(f"{target.name!r}: sound files cannot be written with the suffix {target.suffix!r}.")
    if subtype is None:
        return form, kind if soundfile.check_format(form, kind) else str(soundfile.default_subtype(form))
    if not soundfile.check_format(form, subtype):
        raise UsageError(f"{target.name!r}: {form} files do not come as {subtype!r}.")
    return form, subtype.upper()


def _quantised(samples: Samples, subtype: str) -> NDArray[Any]:
    """(channels, n) in the type in which libsndfile stores it without a change of its own."""
    if subtype in ("FLOAT", "DOUBLE"):
        return samples
    if subtype not in _INTEGERS:
        return np.clip(samples, -1.0, 1.0)
    bits, dtype = _INTEGERS[subtype]
    full = 2.0 ** (bits - 1)
    whole = np.clip(np.rint(samples.astype(np.float64) * full), -full, full - 1).astype(np.int64)
    return (whole << (8 * np.dtype(dtype).itemsize - bits)).astype(dtype)
