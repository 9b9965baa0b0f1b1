// The page: takes a file, follows it through the service, and shows one of five states.

import * as answer from "./answer.js";
import { at, fill } from "./dom.js";
import * as marks from "./marks.js";
import { about, Failure, judge } from "./service.js";
import { Wave } from "./wave.js";
import { clock, size, span } from "./words.js";

// ENFSI 2015: evidence below a ratio of 2 supports neither side. For a detector of which the server says nothing.
const PLAIN_BAND = [-Math.LN2, Math.LN2];
const STAGES = {
  sending: "Sending the recording",
  listening: "Listening",
  queued: "Waiting for its turn",
  running: "Listening to a long recording",
};
const SECTIONS = { idle: "ask", work: "work", failure: "failure", answer: "answer" };

let server = null;
let file = null;
let wave = null;
let running = new AbortController();
let timer = 0;

function start() {
  at("file").addEventListener("change", () => take([...at("file").files]));
  at("cancel").addEventListener("click", cancel);
  at("again").addEventListener("click", () => (file ? send() : begin()));
  at("access").querySelector("form").addEventListener("submit", unlock);
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) document.addEventListener(kind, drag);
  begin();
}

function begin() {
  learn().then(() => enter("idle"), fail);
}

/** Asks the server what it takes. */
async function learn() {
  server = await about(at("key").value);
  const { max_bytes, max_seconds, max_channels, keeps_uploads } = server;
  const kept = keeps_uploads ? "This server keeps what it is sent." : "It is deleted after the answer.";
  fill("bounds", `Up to ${size(max_bytes)}, ${span(max_seconds)} and ${max_channels} channels. `
    + `It goes to this server and nowhere else. ${kept}`);
  fill("version", server.version);
  at("access").hidden = !server.key_needed && !at("key").value;
  at("access").open = server.key_needed;
}

/** Takes the key that was typed, and goes on with the file that waits for it. */
function unlock(event) {
  event.preventDefault();
  if (file && !at("failure").hidden) send();
  else begin();
}

function drag(event) {
  if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
  event.preventDefault();
  const leaves = event.type === "dragleave" && event.relatedTarget === null;
  at("drop").classList.toggle("over", event.type !== "drop" && !leaves);
  if (event.type !== "drop") return;
  const folder = [...event.dataTransfer.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
  take([...event.dataTransfer.files], folder);
}

function take(files, folder = false) {
  const busy = at("main").dataset.state === "work";
  if (!busy && folder) refuse("That is a folder", "Drop one recording.");
  else if (!busy && files.length > 1) refuse("Those are several files", "This page takes one recording at a time.");
  else if (!busy && files.length) {
    [file] = files;
    send();
  }
  at("file").value = "";  // choosing the same file again is a choice, too
}

function refuse(title, detail) {
  file = null;
  fail(new Failure(title, detail, { again: false }));
}

async function send() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  enter("work");
  try {
    if (server === null) await learn();
    check();
    const key = at("key").value;
    const found = await judge("v1/detections", file, { key, signal, told });
    result(found);
    await look(key, signal);
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

function check() {
  if (file.size > server.max_bytes) {
    throw new Failure(
      "The file is too large",
      `It has ${size(file.size)}, and this server takes up to ${size(server.max_bytes)}. Nothing was sent.`,
      { again: false },
    );
  }
  if (server.key_needed && !at("key").value) {
    at("access").open = true;
    throw new Failure("This server needs an API key", "Enter it above. Nothing was sent.");
  }
}

function told(stage, share) {
  if (at("stage").textContent !== STAGES[stage]) {
    fill("stage", STAGES[stage]);
    say(STAGES[stage]);
  }
  if (share === undefined) at("progress").removeAttribute("value");
  else at("progress").value = share;
  fill("amount", share === undefined ? "" : `${Math.floor(100 * share)} % of ${size(file.size)}`);
  clearInterval(timer);
  if (share === undefined) since();
}

/** Shows that time passes while nothing else moves. */
function since() {
  const started = Number(at("progress").dataset.since ??= String(Date.now()));
  timer = setInterval(() => fill("amount", `${clock((Date.now() - started) / 1000)} so far`), 1000);
}

function result(found) {
  const band = server.bands[found.model.name] ?? PLAIN_BAND;
  enter("answer");
  wave = new Wave(file, found.result, band);
  answer.show(found, file, band, (from, to) => wave.play(from, to));
  document.title = `${at("verdict").textContent} ${file.name}`;
  say(at("verdict").textContent);
  at("verdict").focus();
}

/** Looks for marks once the verdict stands; what goes wrong here does not take the verdict away. */
async function look(key, signal) {
  if (!server.looks_for_marks) return marks.say("Not looked for: this server holds no watermark key.");
  marks.say("Looking for marks …");
  try {
    const found = await judge("v1/verify", file, { key, signal, told: () => undefined });
    if (signal.aborted) return undefined;
    marks.show(found.result);
    wave.mark(found.result.spans ?? []);
    answer.offer(found, file, "Download the marks (JSON)", "marks");
    return say(at("marks").firstChild.textContent);
  } catch (error) {
    if (signal.aborted) return undefined;
    return marks.say(`Marks could not be looked for. ${error.title ?? ""}: ${error.detail ?? error.message}`);
  }
}

function fail(error) {
  const known = error instanceof Failure ? error : new Failure("The page made a mistake", String(error));
  if (known.status === 401) [at("access").hidden, at("access").open] = [false, true];
  running.abort();
  enter("failure");
  fill("failure-file", file?.name ?? "");
  fill("failure-title", `${known.title}.`);
  fill("failure-detail", known.detail);
  fill("failure-id", known.id ? `Request ${known.id}` : "");
  at("again").hidden = !known.again;
  wait(known.after ?? 0);
  say(`${known.title}. ${known.detail}`);
  at("failure-title").focus();
}

/** Holds "Try again" back for as long as the server asked for. */
function wait(seconds) {
  clearInterval(timer);
  at("again").disabled = seconds > 0;
  fill("again", seconds > 0 ? `Try again in ${seconds} s` : "Try again");
  if (seconds > 0) timer = setTimeout(() => wait(seconds - 1), 1000);
}

function cancel() {
  running.abort();
  enter("idle");
  say("Cancelled.");
  at("file").focus();
}

function enter(state) {
  clearInterval(timer);
  if (state !== "answer") {
    wave?.close();
    wave = null;
  }
  delete at("progress").dataset.since;
  at("main").dataset.state = state;
  for (const [name, id] of Object.entries(SECTIONS)) at(id).hidden = name !== state;
  at("ask").hidden = state === "work";
  if (state !== "work") return;
  document.title = "earwitness";
  fill("work-file", file.name);
  fill("stage", STAGES.sending);
  fill("amount", "");
  at("progress").value = 0;
  say(STAGES.sending);
  at("stage").focus();
}

function say(text) {
  fill("status", text);
}

start();
