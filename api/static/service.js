// What the page asks of the service: uploads with progress, jobs until they end, problems as errors.

// Lost answers while a job is asked for before the server counts as gone.
const PATIENCE = 4;

// Statuses after which the same file may well succeed; 0: there was no answer.
const PASSING = new Set([0, 401, 408, 429, 500, 502, 503, 504, 507]);

/**
 * Something that went wrong. title and detail: sentences. again: whether another try makes sense.
 * after: seconds to wait before it, or null. id: of the request.
 */
export class Failure extends Error {
  constructor(title, detail, { status = 0, id = "", after = null, again = PASSING.has(status) } = {}) {
    super(detail);
    Object.assign(this, { title, detail, status, id, after, again });
  }
}

/** What the server says of itself. Throws a Failure. */
export async function about(key) {
  return (await ask("page.json", key)).json();
}

/**
 * Sends a file and returns the answer as an object.
 * told(stage, share): "sending" with the share that is sent, "listening", "queued", "running".
 */
export async function judge(route, file, { key, signal, told }) {
  const sent = (share) => (share < 1 ? told("sending", share) : told("listening"));
  const reply = await upload(route, file, key, signal, sent);
  return reply.status === 202 ? end(reply.body, key, signal, told) : reply.body;
}

function upload(route, file, key, signal, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file, file.name);
    request.open("POST", route);
    for (const [name, value] of Object.entries(credentials(key))) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    request.upload.onload = () => sent(1);
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status < 300 && body !== null) resolve({ status: request.status, body });
      else reject(problem(request.status, body, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => cut().then(reject);
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    if (signal.aborted) reject(signal.reason);
    else request.send(form);
  });
}

/** Follows a job to its end; one that is not wanted any more is forgotten. */
async function end(job, key, signal, told) {
  const path = `v1/jobs/${encodeURIComponent(job.id)}`;
  try {
    while (job.state === "queued" || job.state === "running") {
      told(job.state);
      await pause(1, signal);
      job = await look(path, key, signal);
    }
  } catch (error) {
    if (signal.aborted) fetch(path, { method: "DELETE", headers: credentials(key) }).catch(() => undefined);
    throw error;
  }
  if (job.state === "failed") throw problem(job.problem?.status ?? 0, job.problem, null);
  return job.answer;
}

/** How a job stands, through moments in which the server is busy or out of reach. */
async function look(path, key, signal) {
  for (let lost = 1; ; lost += 1) {
    try {
      return await (await ask(path, key, signal)).json();
    } catch (error) {
      signal.throwIfAborted();
      const busy = error.status === 429 || error.status === 503;
      if (!busy && (error.status || lost >= PATIENCE)) throw error;
      await pause(error.after ?? 1, signal);
    }
  }
}

async function ask(path, key, signal) {
  let reply;
  try {
    reply = await fetch(path, { headers: credentials(key), signal });
  } catch {
    throw gone();
  }
  if (!reply.ok) throw problem(reply.status, parsed(await reply.text()), reply.headers.get("Retry-After"));
  return reply;
}

function problem(status, body, retry) {
  const after = /^\d+$/.test(retry ?? "") ? Number(retry) : null;
  const title = body?.title ?? "The server gave an answer that this page does not understand";
  return new Failure(title, body?.detail ?? `It answered with status ${status}.`, {
    status, id: body?.request_id ?? "", after,
  });
}

/** Why an upload broke off: the server is gone, or it closed this connection. */
async function cut() {
  const alive = await fetch("healthz").then((reply) => reply.ok, () => false);
  const detail = "The connection closed before the answer came. The file may have changed on disk while it was sent.";
  return alive ? new Failure("The upload broke off", detail) : gone();
}

const gone = () =>
  new Failure("The server cannot be reached", "It may have stopped, or the network is down. Nothing was judged.");

const credentials = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}
