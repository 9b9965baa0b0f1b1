"""The table of classical codecs: which encoder, at which rates and bitrates, and how many samples late it is.

Delays were measured by cross-correlation of speech in 300-3000 Hz (tests/codecs/test_classical.py holds
them); 0 stands for encoders whose container states the priming, which FFmpeg then drops itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .classical_av import AvCoder
from .classical_sndfile import SndfileCoder

_PHONE = (8000,)
_MPEG1 = (32000, 44100, 48000)
_MPEG2 = (16000, 22050, 24000)
_MPEG25 = (8000, 11025, 12000)
_COMMON = (8000, 11025, 16000, 22050, 32000, 44100, 48000)
_ADPCM = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)

# libopus itself goes down to narrow band at the lowest bitrates. There SILK is one sample of 8 kHz late, which
# the container does not state; at 24 kbit/s and more CELT, which is not, takes over.
_OPUS = (8000, 12000, 16000, 24000, 48000)
_OPUS_LOW: dict[float, tuple[int, ...]] = {6: _PHONE, 8: _PHONE}
_OPUS_HIGH: dict[float, tuple[int, ...]] = dict.fromkeys((24.0, 32.0, 48.0, 64.0), _OPUS[1:])
_OPUS_LATE = {8000: 6}


@dataclass(frozen=True)
class Mode:
    """One classical codec.

    rates: coding rates in Hz, ascending. kbps: nominal bitrates of one channel; empty when the rate sets it.
    delay: samples at the decoder's rate by which the decoded sound is late; delay_at: the same for a coding
    rate where it differs. rates_at: the coding rates of a bitrate that not all of `rates` allow.
    """

    name: str
    summary: str
    coder: AvCoder | SndfileCoder
    rates: tuple[int, ...]
    kbps: tuple[float, ...] = ()
    delay: int = 0
    rates_at: Mapping[float, tuple[int, ...]] = field(default_factory=dict)
    delay_at: Mapping[int, int] = field(default_factory=dict)


MODES = (
    Mode(
        "mp3",
        "MPEG Layer III by LAME",
        AvCoder("libmp3lame", "mp3", options={"compression_level": "7"}),
        (*_MPEG25, *_MPEG2, *_MPEG1),
        (16, 24, 32, 48, 64, 96, 128),
        rates_at={
            16: (*_MPEG25, *_MPEG2),
            24: (*_MPEG25, *_MPEG2),
            96: (*_MPEG2, *_MPEG1),
            128: (*_MPEG2, *_MPEG1),
        },
    ),
    Mode(
        "aac",
        "MPEG-4 AAC-LC",
        AvCoder("aac", "adts", reader="aac", options={"aac_coder": "fast"}),
        (*_MPEG25, *_MPEG2, *_MPEG1),
        (16, 24, 32, 48, 64, 96),
        delay=1024,
        # At most 6144 bits a frame of 1024 samples; little enough for a low rate is too little for a high one.
        rates_at={
            16: (*_MPEG25, *_MPEG2),
            24: (*_MPEG25, *_MPEG2),
            64: (12000, *_MPEG2, *_MPEG1),
            96: (*_MPEG2, *_MPEG1),
        },
    ),
    Mode(
        "opus",
        "Opus as files and web video use it",
        AvCoder("libopus", "ogg", options={"vbr": "constrained", "compression_level": "5"}),
        _OPUS,
        (6, 8, 12, 16, 24, 32, 48, 64),
        rates_at=_OPUS_LOW | _OPUS_HIGH,
        delay_at=_OPUS_LATE,
    ),
    Mode(
        "opus-voip",
        "Opus as calls and messengers use it",
        AvCoder("libopus", "ogg", options={"application": "voip", "vbr": "constrained", "compression_level": "5"}),
        _OPUS,
        (6, 8, 12, 16, 24, 32),
        rates_at=_OPUS_LOW,
        delay_at=_OPUS_LATE,
    ),
    Mode(
        "vorbis",
        "Vorbis by quality; bitrates hold at 16 kHz",
        SndfileCoder("OGG", "VORBIS", levels={32: 0.82, 40: 0.6, 48: 0.42, 64: 0.17, 72: 0.0}),
        (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000),
        (32, 40, 48, 64, 72),
    ),
    Mode(
        "amr-nb",
        "GSM adaptive multi-rate, narrow band",
        AvCoder("libopencore_amrnb", "amr"),
        _PHONE,
        (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2),
        delay=40,
    ),
    Mode("gsm", "GSM 06.10 full rate", SndfileCoder("WAV", "GSM610"), _PHONE, (13.2,)),
    Mode("g722", "G.722 sub-band ADPCM (HD telephony)", AvCoder("g722", "wav"), (16000,), (64,), delay=22),
    Mode("g726", "G.726 ADPCM (cordless phones)", AvCoder("g726", "wav"), _PHONE, (16, 24, 32, 40)),
    Mode("g723.1", "G.723.1 at its high rate", AvCoder("g723_1", "wav"), _PHONE, (6.3,), delay=60),
    Mode("mulaw", "G.711 mu-law", AvCoder("pcm_mulaw", "wav"), _PHONE, (64,)),
    Mode("alaw", "G.711 A-law", AvCoder("pcm_alaw", "wav"), _PHONE, (64,)),
    Mode(
        "msbc",
        "mSBC (Bluetooth headsets, wide band)",
        AvCoder("sbc", "sbc", options={"msbc": "1"}),
        (16000,),
        (60.8,),
        73,
    ),
    Mode(
        "sbc",
        "SBC (Bluetooth music)",
        AvCoder("sbc", "sbc"),
        (16000, *_MPEG1),
        (32, 48, 64, 96),
        delay=73,
        # At the higher rates 32 kbit/s leave nothing to the bands of speech.
        rates_at={32: (16000,)},
    ),
    Mode("aptx", "aptX (Bluetooth music)", AvCoder("aptx", "aptx", layout="stereo"), (48000,), (192,), delay=90),
    Mode(
        "mp2",
        "MPEG Layer II (broadcast)",
        AvCoder("mp2", "mp2", reader="mp3"),
        (*_MPEG2, *_MPEG1),
        (32, 48, 64, 96),
        481,
    ),
    Mode("ac3", "Dolby AC-3 (television)", AvCoder("ac3", "ac3"), _MPEG1, (32, 48, 64, 96), delay=256),
    Mode("eac3", "Dolby E-AC-3 (streamed video)", AvCoder("eac3", "eac3"), _MPEG1, (24, 32, 48, 64, 96), delay=256),
    Mode("wma1", "Windows Media Audio 1", AvCoder("wmav1", "asf", lead=1), _COMMON, (24, 32, 48, 64)),
    Mode("wma2", "Windows Media Audio 2", AvCoder("wmav2", "asf", lead=1), _COMMON, (24, 32, 48, 64)),
    Mode("real-144", "RealAudio 14.4", AvCoder("real_144", "rm"), _PHONE, (8,), delay=160),
    Mode(
        "nellymoser",
        "Nellymoser (Flash voice)",
        AvCoder("nellymoser", "flv"),
        (8000, 11025, 16000, 22050, 44100),
        (),
        128,
    ),
    Mode("adpcm-ima", "IMA ADPCM (recorders, games)", AvCoder("adpcm_ima_wav", "wav"), _ADPCM),
    Mode("adpcm-ms", "Microsoft ADPCM", AvCoder("adpcm_ms", "wav"), _ADPCM),
    Mode("adpcm-yamaha", "Yamaha ADPCM (mobile phones)", AvCoder("adpcm_yamaha", "wav"), _ADPCM),
    Mode("adpcm-swf", "Flash ADPCM", AvCoder("adpcm_swf", "wav"), (11025, 22050, 44100)),
    Mode("adpcm-vox", "Dialogic ADPCM (voice mail)", SndfileCoder("RAW", "VOX_ADPCM"), _PHONE, (32,)),
    Mode("adpcm-nms-16", "Natural MicroSystems ADPCM", SndfileCoder("WAV", "NMS_ADPCM_16"), _PHONE, (16,)),
    Mode("adpcm-nms-24", "Natural MicroSystems ADPCM", SndfileCoder("WAV", "NMS_ADPCM_24"), _PHONE, (24,)),
)
