"""Sound from a device, by sounddevice (PortAudio), which is optional."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .errors import AudioError, MissingPart
from .sound import Samples

PIECE = 0.1  # seconds


def record(device: str, rate: int, lost: Callable[[], None]) -> Iterator[Samples]:
    """Mono pieces (n,) of a tenth of a second at `rate` Hz, without end.

    device: number or part of the name, "default" for the system's own. lost: called when the device had to drop
    samples because nobody fetched them. Raises MissingPart without sounddevice or PortAudio, AudioError when the
    device cannot be opened or breaks down.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise MissingPart(
            "Listening to a device needs the package sounddevice: pip install 'earwitness[listen]'. Raw PCM on "
            "standard input needs nothing."
        ) from error
    except OSError as error:  # the package is there, its library is not
        raise MissingPart("Listening to a device needs the library PortAudio (Debian: libportaudio2).") from error
    chosen = None if device == "default" else int(device) if device.isdigit() else device
    frames = max(1, round(PIECE * rate))
    try:
        with sounddevice.InputStream(samplerate=rate, channels=1, dtype="float32", device=chosen) as stream:
            while True:
                block, overflowed = stream.read(frames)
                if overflowed:
                    lost()
                yield block[:, 0].copy()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise AudioError(f"The sound device {device!r} cannot be used: {error}.") from error
