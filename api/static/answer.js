// Fills the answer: verdict, figures, stretches, limits, receipt.

import { at, download, fill, items, make, pairs, release } from "./dom.js";
import { clock, decimals, lean, LEANS, length, percent, sentence, signed, verdict } from "./words.js";

// More rows than these help nobody; all are in the JSON.
const ROWS = 200;
const GLYPHS = { machine: "▲", recording: "▼", unclear: "·" };
const EVIDENCE = "A verdict is evidence, not proof.";
const LIMITS = {
  synthetic: "It does not say who made the recording, nor that what is said is untrue.",
  genuine: "Systems that the detector never heard leave other traces, and are found less often.",
  inconclusive: "A longer or cleaner copy of the same recording may say more.",
};
const SPEECH = "Music, singing and mere noise are not what it is made for.";

/** Shows the answer to a file. play(start, end): plays a stretch. */
export function show(answer, file, band, play) {
  const { result } = answer;
  fill("answer-file", file.name);
  fill("length", length(result.seconds));
  fill("verdict", verdict(result, band));
  at("answer").dataset.decision = result.decision;
  fill("reasons", ...items(result.reasons.map(sentence)));
  figures(result, band);
  stretches(result, band, play);
  const limits = [...result.warnings.map(sentence), ...where(result), EVIDENCE, LIMITS[result.decision], SPEECH];
  fill("limits", ...items(limits));
  receipt(answer, file);
}

function figures(result, band) {
  const scored = result.score !== null;
  fill("score", scored ? `${signed(result.score)} nats` : "none");
  fill("score-note", scored ? "log-likelihood ratio, above 0 for synthetic" : "there was nothing to judge");
  fill("probability", scored ? percent(result.probability) : "none");
  fill("probability-note", scored ? `synthetic, if ${percent(result.prior)} of such recordings are` : "");
  at("scale").hidden = !scored;
  if (!scored) return;
  const most = Math.max(6, Math.abs(result.score), ...band.map(Math.abs));
  const place = (score) => `${50 + (50 * score) / most}%`;
  at("band").style.left = place(band[0]);
  at("band").style.width = `${(50 * (band[1] - band[0])) / most}%`;
  at("pin").style.left = place(result.score);
}

function where({ channel, track }) {
  if (!channel && !track) return [];
  const of = track ? `audio track ${track + 1}, channel ${channel + 1}` : `channel ${channel + 1}`;
  return [`The score is that of ${of}, where it is highest.`];
}

function stretches({ spans, seconds }, band, play) {
  const kept = new Set([...spans].sort((a, b) => b.score - a.score).slice(0, ROWS));
  fill("spans", ...spans.filter((span) => kept.has(span)).map((span) => row(span, decimals(seconds), band, play)));
  at("spans").closest("div").hidden = spans.length === 0;
  const left = spans.length - kept.size;
  const few = left ? `The ${ROWS} highest of ${spans.length}; all are in the JSON.` : "";
  fill("spans-note", spans.length ? few : "No stretch was scored.");
}

function row({ start, end, score }, digits, band, play) {
  const kind = lean(score, band);
  const [from, to] = [clock(start, digits), clock(end, digits)];
  const label = `Play from ${from} to ${to}`;
  const listen = make("button", { type: "button", class: "small", "aria-label": label }, "Play");
  listen.addEventListener("click", () => play(start, end));
  return make(
    "tr", { class: kind },
    make("td", {}, from), make("td", {}, to), make("td", {}, signed(score)),
    make("td", {}, make("span", { class: "glyph", "aria-hidden": "true" }, GLYPHS[kind]), LEANS[kind]),
    make("td", {}, listen),
  );
}

function receipt(answer, file) {
  const { receipt: signed, model } = answer;
  fill("receipt", ...pairs([
    ["Model", `${model.name}, version ${model.version}`],
    ["Model SHA-256", model.sha256],
    ["File SHA-256", answer.sha256],
    ["Receipt", signed.request_id],
    ["Signed", `${signed.time.replace("T", " ").replace("+00:00", " UTC")}, key ${signed.key_id}`],
  ]));
  release("downloads");
  offer(answer, file, "Download the answer (JSON)", "detection");
}

/** A link to save an answer beside the others. */
export function offer(answer, file, label, kind) {
  at("downloads").append(download(label, `${file.name}.${kind}.json`, JSON.stringify(answer, null, 1)));
}
