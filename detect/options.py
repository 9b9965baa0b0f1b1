"""What can be asked of a scan beside the recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from ..core.audio import Limits
from ..core.errors import UsageError
from ..core.providers import CPU
from . import registry
from .decide import CodecIs


@dataclass(frozen=True)
class Options:
    """How to scan.

    detector: its name. prior: of being synthetic, for the probability; None: the detector's own. codec_is: what
    speech is that only went through a neural codec or vocoder. thorough: three hearings and a second expert, see
    `thorough.hear`; several times slower. threads: of the graph. provider: see `core.onnx_session.open_on`. limits:
    on length, size and channels, checked before decoding. Raises UsageError for an impossible prior or `codec_is`.
    """

    detector: str = registry.DEFAULT
    prior: float | None = None
    codec_is: CodecIs = "synthetic"
    thorough: bool = False
    threads: int = 1
    provider: str = CPU
    limits: Limits | None = None

    def __post_init__(self) -> None:
        if self.prior is not None and not 0.0 < self.prior < 1.0:
            raise UsageError(f"The prior must lie between 0 and 1, not {self.prior:g}.")
        if self.codec_is not in get_args(CodecIs):
            raise UsageError(f"What codecs are is {' or '.join(get_args(CodecIs))}, not {self.codec_is!r}.")
