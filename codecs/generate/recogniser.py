"""The trained recogniser at work: which phones are said, where those of known words lie, and semantic units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...core.errors import DataError
from ...core.weights import Card
from .align import Alignment
from .loading import loaded
from .paths import collapse, viterbi
from .phonenet import HOP, PARTS, PhoneNet
from .prompt import levelled
from .text import IDS, PHONES, SIL, pronounce

# Frames from which the units are learnt, per unit.
_EACH = 400


class Recogniser:
    """Opened from its card; `digest` is that of the weights. Waves are (n,) at 16 kHz of any level."""

    def __init__(self, card: Card) -> None:
        self.name, self.digest = card.name, card.files["safetensors"]["sha256"]
        self.model: PhoneNet = loaded(card)

    def phones(self, wave: NDArray[np.float32]) -> list[str]:
        """ARPAbet phones that are heard, silence left out; nothing is known of words."""
        paths, _ = self.probabilities(wave)
        return [PHONES[label] for label in collapse(paths.argmax(1).tolist())]

    def align(self, wave: NDArray[np.float32], words: Sequence[str]) -> Alignment:
        """As `align.align`: where the phones of lower-case words lie, with a pause wherever one is heard.

        score: mean log probability of a frame of 12.5 ms that is not silence, in nats. Raises DataError when the
        words do not fit into the sound.
        """
        if not words:
            raise DataError("There is no word to align.")
        phones = [SIL]
        for word in words:
            phones += [*pronounce(word), SIL]
        _, each = self.probabilities(wave)
        ids = [IDS[phone] for phone in phones]
        found, _ = viterbi(each, ids, [phone == SIL for phone in phones])
        starts = np.concatenate([[0], found[:-1]])
        spoken = [each[a:b, k].sum() for k, a, b in zip(ids, starts, found, strict=True) if k != IDS[SIL]]
        frames = sum(int(b - a) for k, a, b in zip(ids, starts, found, strict=True) if k != IDS[SIL])
        kept = found > starts
        # The last ends with the sound, which need not be a whole number of frames.
        ends = np.minimum(found[kept] * (HOP // PARTS), wave.size)
        ends[-1] = wave.size
        said = tuple(phone for phone, here in zip(phones, kept, strict=True) if here)
        return Alignment(said, ends, float(sum(spoken) / frames))

    def units(self, wave: NDArray[np.float32]) -> NDArray[np.int64]:
        """The semantic unit of every frame of HOP samples, (ceil(n / HOP),)."""
        with torch.no_grad():
            found: NDArray[np.int64] = self.model.assign(_whole(wave))[0].numpy()
        return found

    def clarity(self, wave: NDArray[np.float32]) -> float:
        """How much of it is clear speech, 0 to 1: the mean probability of the likeliest phone, silence being none."""
        _, each = self.probabilities(wave)
        return float(np.exp(each[:, 1:].max(1)).mean())

    def probabilities(self, wave: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logarithms of those of the CTC head (frames, phones) and of the frame head (PARTS frames, phones)."""
        with torch.no_grad():
            paths, each = self.model.heads(self.model.features(_whole(wave)))
        return paths[0].numpy(), each[0].numpy()


def _whole(wave: NDArray[np.float32]) -> torch.Tensor:
    """(1, m), levelled, m the next multiple of HOP."""
    return torch.from_numpy(np.pad(levelled(wave), (0, -wave.size % HOP))[None])


def cluster(model: PhoneNet, waves: Iterable[NDArray[np.float32]], seed: int) -> torch.Tensor:
    """Centres of the middle features of levelled speech by k-means, (units, channels): HuBERT's targets (Hsu et al.
    2021, section III.B), as AudioLM (Borsos et al. 2022, section III.B) takes them.

    waves: (n,) each at 16 kHz; taken until there are enough. Raises DataError when there are fewer frames than units.
    """
    from sklearn.cluster import MiniBatchKMeans

    count, found, held = model.config.units, list[NDArray[np.float32]](), 0
    model.eval()
    with torch.no_grad():
        for wave in waves:
            found.append(model.features(_whole(wave), model.config.middle)[0].T.numpy())
            held += len(found[-1])
            if held >= _EACH * count:
                break
    if held < count:
        raise DataError(f"{held} frames of speech are too few for {count} units.")
    means = MiniBatchKMeans(count, random_state=seed, batch_size=4096, n_init=3).fit(np.concatenate(found))
    return torch.from_numpy(means.cluster_centers_.astype(np.float32))
