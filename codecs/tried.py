"""What was tried with recipes that ship no weights, and why it was not enough: told by `earwitness codec list`.

STOI on 10 clips of development speakers, after training on 8.2 h of speech on one CPU core. A codec ships from 0.80
at 3 kbit/s and above, from 0.70 between 1.5 and 3, from 0.62 below (benchmarks/card_metrics.py).
"""

from __future__ import annotations

TRIED: dict[str, str] = {
    "dac": "3200 steps in 13 minutes: STOI 0.70 at 4 kbit/s",
    "dac-24khz": "not trained: the 16 kHz sibling fell short",
    "encodec": "2200 of 5000 steps: STOI 0.61 at 4 kbit/s, its mel loss no longer falling",
    "encodec-24khz": "not trained: the 16 kHz sibling fell short",
    "music2latent": "4000 steps in 45 minutes: STOI 0.55",
    "vocos-streamcodec": "3000 steps in 20 minutes: STOI 0.76 at 4 kbit/s, bounded by StreamCodec's tokens (0.75)",
}
