// The control API: requests with the token, and events as a stream, so that it can go along.

import { byId } from "./dom.js";

const HERE = location.pathname.match(/^(.*?)((?:\/~[^/]+)?)\/__mock\/ui\//);

export const place = { root: HERE[1], world: HERE[2] };
let token = "";

export const base = () => `${place.root}${place.world}/__mock`;

export class ApiError extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

function asked() {
  const dialog = byId("ask-token");
  return new Promise((done) => {
    dialog.addEventListener(
      "close",
      () => {
        token = byId("token").value;
        byId("token").value = "";
        done();
      },
      { once: true },
    );
    if (!dialog.open) dialog.showModal();
  });
}

let asking = null;

async function send(path, options = {}) {
  for (;;) {
    const headers = { ...options.headers };
    if (token) headers.authorization = `Bearer ${token}`;
    const response = await fetch(base() + path, { ...options, headers });
    if (response.status !== 401) return response;
    asking ??= asked().finally(() => {
      asking = null;
    });
    await asking;
  }
}

async function checked(response) {
  if (response.ok) return response;
  const found = await response.json().catch(() => ({}));
  throw new ApiError(found.error ?? `status ${response.status}`, response.status);
}

async function json(response) {
  const found = await checked(response);
  return found.status === 204 ? null : found.json();
}

export const get = async (path) => json(await send(path));

export const getBlob = async (path) => (await checked(await send(path))).blob();

export const post = async (path, body) =>
  json(
    await send(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    }),
  );

export const remove = async (path) => json(await send(path, { method: "DELETE" }));

export async function download(path, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await getBlob(path));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// Takes server-sent events out of text that comes in pieces.
export class Parser {
  constructor(tell) {
    this.tell = tell;
    this.rest = "";
  }

  take(text) {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop();
    for (const block of blocks) {
      const event = { name: "message", data: "", id: null };
      for (const row of block.split("\n")) {
        if (row.startsWith("event: ")) event.name = row.slice(7);
        else if (row.startsWith("data: ")) event.data += row.slice(6);
        else if (row.startsWith("id: ")) event.id = row.slice(4);
      }
      if (event.data) this.tell(event.name, JSON.parse(event.data), event.id);
    }
  }
}

// Follows a world until it is told to stop; begins anew where it left off.
export class Stream {
  constructor({ tell, state }) {
    this.tell = tell;
    this.state = state;
    this.last = "0";
    this.ended = new AbortController();
    this.run();
  }

  async run() {
    let pause = 250;
    while (!this.ended.signal.aborted) {
      try {
        await this.listen();
        pause = 250;
      } catch (fault) {
        if (this.ended.signal.aborted) return;
        pause = Math.min(pause * 2, 4000);
      }
      this.state("connecting");
      await new Promise((done) => setTimeout(done, pause));
    }
  }

  async listen() {
    const response = await checked(
      await send(`/events?brief=1&since=${this.last}`, { signal: this.ended.signal }),
    );
    this.state("live");
    const parser = new Parser((name, data, id) => {
      if (id) this.last = id;
      this.tell(name, data);
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.take(value);
    }
  }

  again() {
    this.last = "0";
  }

  stop() {
    this.ended.abort();
  }
}
