"""Does anything but the voice tell spoof from bona fide? A logistic model on cues that should say nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.audio import Audio
from ..core.errors import DataError, MissingPart
from ..core.metrics import auc
from .manifest import Clip

LIMIT = 0.6
CUES = (
    "duration",
    "level",
    "peak",
    "leading silence",
    "trailing silence",
    "silence",
    "roll-off",
    "bandwidth",
    "DC offset",
)
# Beside them where a clip has one: whether it is marked.
MARK_CUE = "watermark"
_FOLDS = 5
_FLOOR = 1e-10
# A mean below half a step of 16 bits is left by rounding alone; after any processing it is gone.
_LEAST_OFFSET = 2.0**-16


class LeakError(DataError):
    """A cue that has nothing to do with synthesis tells the classes apart."""


@dataclass(frozen=True)
class Report:
    """AUC (0.5 to 1) with which each cue alone, and all jointly, tell spoof from bona fide, out of fold."""

    cues: dict[str, float]
    joint: float
    clips: int

    @property
    def worst(self) -> str:
        """The cue that tells most."""
        return max(self.cues, key=lambda cue: self.cues[cue])

    def check(self, limit: float = LIMIT) -> None:
        """Raise LeakError naming the cues above `limit`, or the worst one when only all together leak."""
        leaks = sorted((cue for cue in self.cues if self.cues[cue] > limit), key=lambda cue: -self.cues[cue])
        if leaks:
            named = ", ".join(f"{cue} (AUC {self.cues[cue]:.2f})" for cue in leaks)
            raise LeakError(f"Fakes can be told from genuine speech without listening: {named}; limit {limit:g}.")
        if self.joint > limit:
            raise LeakError(
                f"Fakes can be told from genuine speech by several cues together (AUC {self.joint:.2f}, limit "
                f"{limit:g}), most by {self.worst} (AUC {self.cues[self.worst]:.2f})."
            )


def audit(clips: Sequence[Clip], load: Callable[[str], Audio], *, most: int = 4000, seed: int = 0) -> Report:
    """Train and test the cue models on `clips`, folds by speaker; at most about `most` clips are heard.

    `load(path)` gives the sound. Raises DataError when a class or a second speaker is missing. `Report.check`
    turns a leak into an error.
    """
    chosen = _chosen([clip for clip in clips if clip.kind == "speech"], most, seed)
    spoof = np.array([clip.label == "spoof" for clip in chosen], dtype=bool)
    groups = np.array([clip.cluster for clip in chosen])
    if len(set(spoof.tolist())) < 2 or len(set(groups.tolist())) < 2:
        raise DataError("An audit needs bona fide and spoof clips from two speakers at least.")
    features = np.stack([measure(load(clip.path)) for clip in chosen])
    names: tuple[str, ...] = CUES
    if any(clip.marked for clip in chosen):
        names = (*CUES, MARK_CUE)
        features = np.column_stack([features, [float(clip.marked) for clip in chosen]])
    # The models are tiny: threads only wait for each other, for seconds when the machine is busy.
    with _part("threadpoolctl").threadpool_limits(1):
        folds = _folds(features, spoof, groups, seed)
        cues = {cue: _auc(features[:, [i]], spoof, folds) for i, cue in enumerate(names)}
        return Report(cues, _auc(features, spoof, folds), len(chosen))


def measure(audio: Audio) -> NDArray[np.float64]:
    """The values of `CUES`: seconds, dBFS, dBFS, shares of the length, Hz, Hz, dBFS."""
    samples = audio.mono().samples[0].astype(np.float64)
    if samples.size == 0:
        return np.zeros(len(CUES))
    mean = float(samples.mean())
    centred = samples - mean
    loud = _loud_frames(centred, audio.rate)
    first, last = (int(loud.argmax()), int(loud[::-1].argmax())) if loud.any() else (loud.size, loud.size)
    rolloff, bandwidth = _band(centred, audio.rate)
    return np.array(
        [
            audio.seconds,
            _db(float(np.mean(centred**2)) ** 0.5),
            _db(float(np.abs(centred).max())),
            first / loud.size,
            last / loud.size,
            1 - float(loud.mean()),
            rolloff,
            bandwidth,
            _db(max(abs(mean), _LEAST_OFFSET)),
        ]
    )


def _db(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, 1e-6)))


def _loud_frames(samples: NDArray[np.float64], rate: int) -> NDArray[np.bool_]:
    """For frames of 20 ms: is the level within 40 dB of the loud frames (95th percentile)?"""
    frame = max(1, rate // 50)
    whole = np.pad(samples, (0, -len(samples) % frame)).reshape(-1, frame)
    level = 10 * np.log10(np.mean(whole**2, axis=1) + _FLOOR)
    return np.asarray(level > np.quantile(level, 0.95) - 40)


def _band(samples: NDArray[np.float64], rate: int) -> tuple[float, float]:
    """Frequency below which 99 % of the energy lies, and the highest within 60 dB of the strongest, in Hz."""
    size = min(512, len(samples))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: max(1, size // 2)]
    power = (np.abs(np.fft.rfft(frames * np.hanning(size + 2)[1:-1])) ** 2).mean(axis=0)
    frequency = np.fft.rfftfreq(size, 1 / rate)
    total = np.cumsum(power)
    if total[-1] == 0:
        return 0.0, 0.0
    rolloff = frequency[int(np.searchsorted(total, 0.99 * total[-1]))]
    return float(rolloff), float(frequency[np.flatnonzero(power >= power.max() * 1e-6)[-1]])


def _chosen(clips: list[Clip], most: int, seed: int) -> list[Clip]:
    """All clips, or those of random sources until there are `most`: pairs stay together."""
    if len(clips) <= most:
        return clips
    sources = sorted({clip.source or clip.path for clip in clips})
    keep = max(1, round(len(sources) * most / len(clips)))
    kept = set(np.random.default_rng(seed).permutation(sources)[:keep].tolist())
    return [clip for clip in clips if (clip.source or clip.path) in kept]


Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def _folds(
    features: NDArray[np.float64], spoof: NDArray[np.bool_], groups: NDArray[np.str_], seed: int
) -> list[Fold]:
    model_selection = _part("sklearn.model_selection")
    count = min(_FOLDS, len(set(groups.tolist())))
    folds = model_selection.StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    return [
        (train, test)
        for train, test in folds.split(features, spoof, groups)
        if len(set(spoof[train].tolist())) == 2 and len(set(spoof[test].tolist())) == 2
    ]


def _auc(features: NDArray[np.float64], spoof: NDArray[np.bool_], folds: list[Fold]) -> float:
    """Mean AUC over the test folds, each weighted by its size; 1 - AUC when that is more.

    Averaged by fold, not pooled: the intercepts of the folds' models differ, which would blur the order.
    """
    linear = _part("sklearn.linear_model")
    if not folds:
        raise DataError("An audit needs bona fide and spoof clips of the same speakers.")
    # Squares as well, so that a cue whose spread differs (all fakes at one level) is seen.
    columns = _standard(np.hstack([features, _standard(features) ** 2]))
    total, weight = 0.0, 0
    for train, test in folds:
        model = linear.LogisticRegression(class_weight="balanced", max_iter=1000)
        model.fit(columns[train], spoof[train])
        total += len(test) * auc(model.decision_function(columns[test]), spoof[test])
        weight += len(test)
    mean = total / weight
    return max(mean, 1 - mean)


def _standard(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = columns.std(axis=0)
    scaled: NDArray[np.float64] = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return scaled


def _part(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPart("The audit needs scikit-learn: install earwitness[train].") from error
