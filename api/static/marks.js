// Fills the part about marks. They stand beside the verdict and never change it.

import { fill, items, make, pairs } from "./dom.js";
import { clock, MARKS, power, sentence } from "./words.js";

const BESIDE = "Marks never change the verdict.";

/** A sentence in place of a finding. */
export const say = (text) => fill("marks", make("p", {}, text));

/** Shows what a search for marks found. `result` is the whole evidence, or for strangers the verdict and a band. */
export function show(result) {
  const parts = [make("p", {}, MARKS[result.verdict] ?? sentence(result.verdict))];
  if (result.verdict !== "no_evidence") parts.push(make("dl", { class: "pairs" }, ...pairs(evidence(result))));
  const notes = [...(result.reasons ?? []), ...(result.warnings ?? [])].map(sentence);
  parts.push(make("ul", {}, ...items([...notes, BESIDE])));
  fill("marks", ...parts);
}

function evidence(result) {
  const chance = result.p_value_band ? worded(result.p_value_band) : `at most ${power(result.p_value)}`;
  const rows = result.p_value > 0.1 ? [] : [["By chance", chance]];
  if (result.record) rows.push(["Record", result.record]);
  if (result.key_id) rows.push(["Key", result.key_id]);
  for (const [name, value] of Object.entries(result.claims ?? {})) {
    rows.push([`Claim: ${name}`, typeof value === "string" ? value : JSON.stringify(value)]);
  }
  if (result.spans?.length) rows.push(["Marked", result.spans.map(stretch).join(", ")]);
  if (result.edits?.length) rows.push(["Breaks", result.edits.map(fracture).join(", ")]);
  for (const [name, label] of [["speed", "Speed"], ["tempo", "Tempo"], ["pitch", "Pitch"]]) {
    if (Math.abs((result[name] ?? 1) - 1) > 0.001) rows.push([label, `× ${result[name].toFixed(3)}`]);
  }
  return rows;
}

const stretch = ({ start, end }) => `${clock(start, 1)}–${clock(end, 1)}`;

const fracture = ({ kind, at }) => `${kind} at ${clock(at, 1)}`;

const worded = (band) => `${band.startsWith("<=") ? "at most" : "over"} ${power(Number(band.split(" ")[1]))}`;
