// The waveform with the spans over it, a lane of their scores below, and playback.

import WaveSurfer from "./wavesurfer.esm.js";
import { at, fill, make } from "./dom.js";
import { clock, decimals, joined, lean } from "./words.js";

// The policy of the server allows the style sheet that wavesurfer.js writes for exactly this height.
const HEIGHT = 96;
// Decoding takes memory in proportion to the length; beyond these only spans are drawn, and the sound is streamed.
const DRAWN_SECONDS = 1800;
const DRAWN_BYTES = 256 * 2 ** 20;
// The height of a bar stands for at most so many nats.
const FULL = 6;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Shows one recording. close() ends it; play(start, end) plays a stretch; mark(spans) shows where a mark lies. */
export class Wave {
  constructor(file, result, band) {
    this.seconds = result.seconds;
    fill("shades", ...joined(result.spans, band).map((stretch) => this.#block(stretch, stretch.kind)));
    fill("bars", make("i", { class: "zero" }), ...result.spans.map((span) => this.#bar(span, band)));
    fill("ticks", ...this.#ticks());
    at("marked").hidden = at("marked-key").hidden = true;
    this.#controls();
    this.#load(file);
  }

  /** Plays from `start` to `end` (s). */
  play(start, end) {
    this.player?.play(start, end).catch(() => this.#silent());
  }

  /** Shows the stretches that carry a mark. */
  mark(spans) {
    fill("marked", ...spans.map((span) => this.#block(span, "mark")));
    at("marked").hidden = at("marked-key").hidden = spans.length === 0;
  }

  /** Stops the sound and frees the file. */
  close() {
    this.closed = true;
    dark.removeEventListener("change", this.recolour);
    this.player?.destroy();
    this.player = null;
  }

  #block({ start, end }, kind) {
    const block = make("i", { class: kind });
    block.style.left = this.#share(start);
    block.style.width = this.#share(end - start);
    return block;
  }

  #bar(span, band) {
    const bar = this.#block(span, lean(span.score, band));
    const height = 50 * Math.min(1, Math.abs(span.score) / FULL);
    bar.style.height = `${height}%`;
    bar.style.top = `${span.score > 0 ? 50 - height : 50}%`;
    return bar;
  }

  #share(seconds) {
    return `${(100 * seconds) / this.seconds}%`;
  }

  #ticks() {
    const digits = this.seconds < 20 ? 1 : 0;
    return [0, 0.25, 0.5, 0.75, 1].map((part) => make("span", {}, clock(part * this.seconds, digits)));
  }

  #controls() {
    const position = at("position");
    position.max = String(this.seconds);
    position.step = this.seconds > 120 ? "1" : "0.1";
    position.oninput = () => this.player?.setTime(Number(position.value));
    at("play").onclick = () => this.player?.playPause().catch(() => this.#silent());
    at("answer").classList.remove("silent");
    at("wave-note").hidden = true;
    this.#stands(0);
    this.#plays(false);
  }

  #load(file) {
    if (!(this.seconds > 0)) return this.#silent();
    const look = { height: HEIGHT, cursorWidth: 2, normalize: true, ...colours() };
    this.player = WaveSurfer.create({ container: at("wave"), ...look });
    this.recolour = () => this.player?.setOptions(colours());
    dark.addEventListener("change", this.recolour);
    this.player.on("timeupdate", (time) => this.#stands(time));
    this.player.on("play", () => this.#plays(true));
    this.player.on("pause", () => this.#plays(false));
    this.player.on("finish", () => this.#plays(false));
    this.player.on("error", () => this.#silent());
    const large = this.seconds > DRAWN_SECONDS || file.size > DRAWN_BYTES;
    if (large) this.#note("The waveform of a recording as long as this one is not drawn.");
    this.player.loadBlob(file, large ? [new Float32Array(2)] : undefined, this.seconds).catch(() => this.#silent());
  }

  #stands(time) {
    const position = at("position");
    position.value = String(time);
    const text = [time, this.seconds].map((moment) => clock(moment, decimals(this.seconds))).join(" / ");
    position.setAttribute("aria-valuetext", text.replace("/", "of"));
    fill("clock", text);
  }

  #plays(on) {
    fill("play", on ? "Pause" : "Play");
  }

  /** The browser cannot decode what the server could: the spans stay, on an empty track. */
  #silent() {
    if (this.closed) return;
    at("answer").classList.add("silent");
    this.#note("This browser cannot play this file. The verdict is not affected: the server decoded it by itself.");
  }

  #note(text) {
    fill("wave-note", text);
    at("wave-note").hidden = false;
  }
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const [waveColor, progressColor] = ["--wave", "--ink"].map((name) => style.getPropertyValue(name).trim());
  return { waveColor, progressColor, cursorColor: progressColor };
}
