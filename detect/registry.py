"""Detectors by name: a model card, one ONNX graph from samples to a score, and the card's calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core import weights
from ..core.errors import DataError, WeightsError
from ..core.home import home
from ..core.onnx_session import open_on
from ..core.providers import CPU
from ..core.sound import Samples
from . import spans
from .calibrate import Calibration
from .decide import Rules
from .spans import Localiser
from .verdict import Measurement, Score
from .windows import LEAST, at_least

KIND = "detector"
DEFAULT = "statistics"
# Outputs of a graph that are read when they are there, named as in `Measurement`.
MEASURES = ("speech", "level", "bandwidth", "novelty", "gap", "content", "coded")


class Detector(Protocol):
    """What a scan needs of a detector."""

    name: str
    rate: int
    window: int
    calibration: Calibration
    rules: Rules
    warnings: Sequence[str]
    model: dict[str, str]
    localiser: Localiser | None

    def measure(self, window: Samples) -> Measurement:
        """What one window (n,) at `rate` holds."""
        ...


@dataclass(frozen=True)
class Settings:
    """The table `settings` of a detector's card.

    rate: Hz. window: samples of a window. exact: the graph takes exactly `window` samples (shorter ones are repeated,
    longer ones cut). calibrated: False for a yardstick whose numbers are no likelihood ratios. localiser: name of the
    span expert that listens beside it, "" for none.
    """

    rate: int = 16000
    window: int = 128000
    exact: bool = False
    least: int = LEAST
    calibrated: bool = True
    parts: tuple[str, ...] = ()
    localiser: str = ""
    calibration: Calibration = field(default_factory=Calibration)
    rules: Rules = field(default_factory=Rules)

    @classmethod
    def of(cls, table: dict[str, Any], name: str) -> Settings:
        """Raises WeightsError for keys that this version does not know."""
        table = dict(table)
        try:
            calibration = Calibration.of(dict(table.pop("calibration", {})))
            rules = Rules.of(dict(table.pop("rules", {})))
            parts = tuple(table.pop("parts", ()))
            return cls(calibration=calibration, rules=rules, parts=parts, **table)
        except (TypeError, DataError) as error:
            raise WeightsError(f"The card of the detector {name!r} does not fit this version: {error}") from error


class OnnxDetector:
    """A detector that runs in ONNX Runtime. One session for each process and setting: see `open`."""

    def __init__(self, card: weights.Card, threads: int = 1, provider: str = CPU) -> None:
        path = weights.path(card, "onnx")
        settings = Settings.of(dict(card.settings), card.name)
        self._session, remark = open_on(path, threads, provider)
        self.settings = settings
        self.name, self.rate, self.window = card.name, settings.rate, settings.window
        self.calibration, self.rules = settings.calibration, settings.rules
        self.warnings: Sequence[str] = (remark,) if remark else ()
        if not settings.calibrated:
            self.warnings = (*self.warnings, f"{card.name} is uncalibrated: its score is no likelihood ratio")
        self.localiser = spans.open(settings.localiser, threads) if settings.localiser else None
        if self.localiser is not None and self.localiser.rate != self.rate:
            raise WeightsError(f"{card.name!r} and its span expert {settings.localiser!r} hear different rates.")
        self.model = {"name": card.name, "version": card.version, "sha256": card.files["onnx"]["sha256"]}
        self._input = self._session.get_inputs()[0].name
        known = [output.name for output in self._session.get_outputs()]
        self._outputs = ["score", *(name for name in MEASURES if name in known)]

    def measure(self, window: Samples) -> Measurement:
        """What one window (n,) at `rate` holds."""
        return self._measured(window, self._session.run(self._outputs, {self._input: self._shaped(window)[None]}))

    def explain(self, window: Samples) -> tuple[Measurement, NDArray[np.float64]]:
        """The same, and how much of the raw score hangs on each of `settings.parts`, (parts,)."""
        *values, parts = self._session.run([*self._outputs, "parts"], {self._input: self._shaped(window)[None]})
        return self._measured(window, values), np.asarray(parts[0], dtype=np.float64)

    def _measured(self, window: Samples, values: Sequence[NDArray[np.float32]]) -> Measurement:
        found = {name: float(value.reshape(-1)[0]) for name, value in zip(self._outputs, values, strict=True)}
        if "level" not in found:
            power = float(np.mean(np.square(window, dtype=np.float64)))
            found["level"] = 10.0 * np.log10(power + 1e-20)
        measured = {name: found.get(name, float("nan")) for name in MEASURES}
        return Measurement(found["score"], **measured)

    def _shaped(self, window: Samples) -> NDArray[np.float32]:
        if self.settings.exact:
            return np.resize(window, self.window) if len(window) < self.window else window[: self.window]
        return at_least(window, self.settings.least)


def names() -> list[str]:
    """Detectors that can be opened."""
    return sorted(weights.cards(KIND))


def card(name: str) -> weights.Card:
    """The card of a detector. Raises WeightsError that lists the known ones."""
    return weights.card(name, KIND)


def open(name: str = DEFAULT, threads: int = 1, provider: str = CPU) -> OnnxDetector:
    """The detector of that name, its session shared within this process and not loaded anew when files change.

    provider: see `core.onnx_session.open_on`. Raises WeightsError when it is unknown, altered, or its card does not
    fit, UsageError for an unknown provider.
    """
    return _session(name, str(home()), threads, provider)


@lru_cache(maxsize=8)
def _session(name: str, home_folder: str, threads: int, provider: str) -> OnnxDetector:
    """`home_folder` is part of the key because it decides which weights are found."""
    return OnnxDetector(card(name), threads, provider)


def calibrated(score: Score, calibration: Calibration) -> Score:
    """The same score in nats."""
    frames = score.frames.copy()
    frames[:, 2] = calibration.llr(frames[:, 2])
    return replace(score, llr=float(calibration.llr(score.llr)), frames=frames)
