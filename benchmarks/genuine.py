"""Hard genuine speech: false alarms on test speakers in everyday conditions, and fakes missed in the same ones.

    python benchmarks/genuine.py --shared SHARED [--detector NAME|CARD] [--clips 80] [--workers 1]
        [--minutes 6] [--json FILE]

Prints how the shipped thresholds decide on genuine clips by corpus and by language as recorded (all clips of the
split), then after each condition: on `--clips` clips, speakers in turn, and on as many re-syntheses of them by the
codecs and vocoders of the zoo, which meet the same chance. Intervals are exact binomial ones with the number of rows
that speakers leave (Korn and Graubard), also for all conditions together, where the clips of a speaker are many. A
condition passes when its false alarms are at most 2 %.
"""

from __future__ import annotations

import candidate
import options
from clips import speech_clips
from scan import markdown, percent
from treatments import Answer, by, fakes, genuine, hear, paired, share, speakers_in_turn

LIFE = {
    "as recorded": "",
    "MP3 32 kbit/s": "mp3:32",
    "MP3 48": "mp3:48",
    "MP3 64": "mp3:64",
    "MP3 128": "mp3:128",
    "AAC 32": "aac:32",
    "AAC 64": "aac:64",
    "Opus 6": "opus:6",
    "Opus 12": "opus:12",
    "Opus 16": "opus:16",
    "Opus 32": "opus:32",
    "Opus for calls, 12": "opus-voip:12",
    "AMR narrow band": "amr-nb",
    "GSM": "gsm",
    "mu-law": "mulaw",
    "G.722": "g722",
    "noise 20 dB": "noise-pink:20",
    "noise 15 dB, suppressed": "noise-background:15,denoise:18",
    "suppressor on clean sound": "denoise:12",
    "packet loss 5 %": "packet-loss:5",
    "packet loss 15 %": "packet-loss:15",
    "room, RT60 0.5 s": "room:0.5@3",
    "played and heard again": "rerecord",
    "compressor": "compressor:-30",
    "limiter": "limiter:-30",
    "podcast: suppressed, compressed, AAC 64": "denoise:12,compressor:-30,aac:64",
    "voice message: 16 kHz, Opus 16": "resample:16000,opus-voip:16",
    "pitch +1 semitone": "pitch:1",
    "pitch -2 semitones": "pitch:-2",
    "10 % slower, same pitch": "stretch:0.9",
    "15 % faster, same pitch": "stretch:1.15",
    "speed +5 %": "speed:1.05",
    "music 15 dB below": "music@15",
    "music 5 dB below": "music@5",
}
GOAL = 0.02
HEAD = ("clips", "called synthetic %", "inconclusive %")


def alone(rows: list[Answer]) -> list[str]:
    return [
        str(len(rows)),
        share(rows, "synthetic"),
        percent(sum(a.decision == "inconclusive" for a in rows) / len(rows)),
    ]


def condition(title: str, rows: list[Answer]) -> list[str]:
    """Genuine clips, their false alarms and doubts; fakes found, called genuine and doubted; whether it passes."""
    real = [answer for answer in rows if not answer.synthetic]
    fake = [answer for answer in rows if answer.synthetic]
    alarms = sum(answer.decision == "synthetic" for answer in real) / len(real)
    return [
        title,
        *alone(real),
        share(fake, "synthetic"),
        share(fake, "genuine"),
        "yes" if alarms <= GOAL else "**no**",
    ]


def main() -> None:
    chosen = options.parser("False alarms and misses in everyday conditions.", clips=80).parse_args()
    detector, audio = candidate.detector(chosen.detector), chosen.shared / "audio"
    clips = speech_clips(chosen.shared, chosen.split)
    plain = hear(genuine(clips), {"as recorded": ""}, detector, seconds=60.0, workers=chosen.workers)
    print(
        markdown(
            ["corpus", *HEAD], [["all", *alone(plain)], *([name, *alone(own)] for name, own in by(plain, "group"))]
        )
    )
    print(markdown(["language", *HEAD], [[name, *alone(own)] for name, own in by(plain, "language")]), flush=True)
    some = speakers_in_turn(clips, chosen.clips, chosen.seed)
    sources = paired(genuine(some), fakes(some, chosen.seed))
    answers = hear(sources, LIFE, detector, music=audio, workers=chosen.workers, minutes=chosen.minutes)
    treated = dict(by(answers, "treatment"))
    head = [
        "condition",
        "genuine clips",
        "called synthetic %",
        "inconclusive %",
        "fakes found %",
        "fakes called genuine %",
    ]
    rows = [condition(title, treated[title]) for title in LIFE]
    rows.append(condition("all conditions", answers))
    print(markdown([*head, "at most 2 %"], rows))
    systems = [[name, *alone(own)] for name, own in by([a for a in treated["as recorded"] if a.synthetic], "system")]
    print(markdown(["fakes as made, by", *HEAD], systems))
    options.keep([*plain, *answers], chosen.json)


if __name__ == "__main__":
    main()
