// Numbers and verdicts as people read them. Pure functions.

const MINUS = "\u2212";
// A synthetic verdict speaks of parts when less of the speech than this leans the same way.
const WHOLE = 0.8;

/** A score with its sign. */
export const signed = (x, digits = 2) => (x < 0 ? MINUS : "+") + Math.abs(x).toFixed(digits);

/** A probability as a percentage that never says 0 or 100: the model knows no certainty. */
export function percent(p) {
  if (p > 0.99) return "over 99 %";
  if (p < 0.01) return "under 1 %";
  return `${Math.round(100 * p)} %`;
}

/** A small number as people write it: 0.02, or 6.3 × 10⁻¹⁶⁹. */
export function power(p) {
  if (p >= 0.001) return String(Number(p.toPrecision(2)));
  const [digits, exponent] = p.toExponential(1).split("e-");
  const raised = [...exponent].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  return `${digits === "1.0" ? "" : `${digits} × `}10⁻${raised}`;
}

/** Seconds as 1:02.5 or 2:00:00, with as many decimals of a second as asked for. */
export function clock(seconds, digits = 0) {
  const unit = 10 ** digits;
  const all = Math.round(seconds * unit) / unit;
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor(all / 60) % 60;
  const rest = (all % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Decimals of a second for times in a recording of this length. */
export const decimals = (seconds) => (seconds < 600 ? 1 : 0);

/** A length in words. */
export function length(seconds) {
  if (seconds < 60) return `${Math.round(10 * seconds) / 10} s`;
  return clock(seconds) + (seconds < 3600 ? " min" : " h");
}

/** An upper limit in words. */
export function span(seconds) {
  if (seconds >= 3600) return `${Math.round(seconds / 360) / 10} h`;
  return seconds >= 60 ? `${Math.round(seconds / 6) / 10} min` : `${seconds} s`;
}

/** Bytes in the largest unit that leaves at least 1. */
export function size(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let step = 0;
  while (bytes >= 1024 && step < units.length - 1) [bytes, step] = [bytes / 1024, step + 1];
  return `${step ? Math.round(10 * bytes) / 10 : bytes} ${units[step]}`;
}

/** The first letter large, and a full stop at the end. */
export function sentence(text) {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}

/** Which way a score leans: "machine", "recording", or "unclear" inside the detector's own band [low, high]. */
export function lean(score, [low, high]) {
  if (score >= high) return "machine";
  return score <= low ? "recording" : "unclear";
}

/** Neighbours that lean the same way as one stretch each: [{start, end, kind}]. */
export function joined(spans, band) {
  const found = [];
  for (const { start, end, score } of spans) {
    const kind = lean(score, band);
    const last = found.at(-1);
    if (last?.kind === kind && start - last.end < 0.01) last.end = end;
    else found.push({ start, end, kind });
  }
  return found;
}

export const LEANS = { machine: "machine-made", recording: "recording", unclear: "undecided" };

/** The verdict in one sentence. It never calls a recording genuine. */
export function verdict({ decision, score, spans }, band) {
  const total = (some) => some.reduce((sum, { start, end }) => sum + end - start, 0);
  const machine = total(spans.filter((one) => lean(one.score, band) === "machine"));
  if (decision === "synthetic") {
    const parts = spans.length > 1 && machine < WHOLE * total(spans);
    return parts ? "Parts of this recording sound machine-made." : "This recording sounds machine-made.";
  }
  if (decision === "genuine") {
    return machine
      ? "As a whole it shows no sign of synthesis, but parts of it lean machine-made."
      : "No sign of synthesis was found; that does not prove that it is genuine.";
  }
  if (score === null) return "Inconclusive: there is not enough here to judge.";
  return machine
    ? "Inconclusive as a whole, but parts of it lean machine-made."
    : "Inconclusive: it cannot be told whether this voice is a person’s or a machine’s.";
}

/** What a search for marks found, in one sentence. */
export const MARKS = {
  marked: "A mark was found, on the content that it was made for.",
  marked_content_differs:
    "The mark of a record was found on other content: it may have been copied, or its key has leaked.",
  marked_unknown_record: "A mark of this server’s key was found, but its record is not stored here.",
  fingerprint_only: "No mark was found, but this is the content of a record.",
  no_evidence: "No mark was found. That is never a sign that a recording is genuine.",
  inconclusive: "Whether there is a mark cannot be told: there is too little sound, or the hint is too weak.",
};
