"""Words that options can take. Light, so that the command line may load it to show its help."""

from __future__ import annotations

from enum import StrEnum


class CodecIs(StrEnum):
    """What speech is that only went through a neural codec or vocoder."""

    SYNTHETIC = "synthetic"
    GENUINE = "genuine"


class HigherIs(StrEnum):
    """Which class a high score speaks for: synthetic in ours, bona fide in ASVspoof's and most published files."""

    BONAFIDE = "bonafide"
    SYNTHETIC = "synthetic"


class PlotFormat(StrEnum):
    """Kinds of picture."""

    SVG = "svg"
    PNG = "png"


class Pcm(StrEnum):
    """Sample formats of raw PCM."""

    S16LE = "s16le"
    F32LE = "f32le"
