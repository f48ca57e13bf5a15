// One job, or one line: what it is, what a hand can do to it, and what came of what.

import * as api from "./api.js";
import { byId, h } from "./dom.js";
import { bad, clockText, ended, seconds, title } from "./words.js";

const FAILURES = ["generation", "moderation", "credits", "input"];

export class Details {
  constructor(state, { act, rewind, closed }) {
    this.state = state;
    this.act = act;
    this.rewind = rewind;
    this.closed = closed;
    this.box = byId("details");
    this.shown = null;
    this.urls = [];
    this.film = { job: null, node: null };
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  close() {
    this.shown = null;
    this.forget();
    this.box.hidden = true;
    this.closed();
  }

  forget() {
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    this.urls = [];
    this.film = { job: null, node: null };
  }

  async show({ job = null, line = null, focus = false }) {
    this.shown = { job, line };
    await this.load();
    if (focus) this.box.querySelector(line ? `[data-n="${line}"] > summary` : "button")?.focus();
  }

  // Of the job that is shown something has changed.
  async refresh(job) {
    if (this.shown && this.shown.job === job) await this.load();
  }

  async load() {
    const asked = this.shown;
    if (!asked) return;
    const open = [...this.box.querySelectorAll("details[open]")].map((one) => Number(one.dataset.n));
    const found = asked.job
      ? await api.get(`/jobs/${encodeURIComponent(asked.job)}`)
      : { lines: [await api.get(`/journal/${asked.line}`)] };
    if (this.shown !== asked) return;
    const scroll = this.box.scrollTop;
    const parts = asked.job ? await this.job(found) : [this.head("Line", `#${asked.line}`)];
    this.box.replaceChildren(...parts, this.tree(found.lines, new Set([...open, asked.line])));
    this.box.hidden = false;
    this.box.scrollTop = scroll;
    const current = this.box.querySelector(`[data-n="${asked.line}"]`);
    if (current && asked.line !== this.last) current.scrollIntoView({ block: "nearest" });
    this.last = asked.line;
  }

  head(what, name, ...more) {
    const close = h("button", { type: "button", class: "close", "aria-label": "Close", title: "Close (Esc)", onclick: () => this.close() }, "✕");
    return h("div", { class: "top" }, h("h2", {}, `${what} ${name}`.trim()), ...more, close);
  }

  async job(job) {
    const facts = {
      id: h("code", {}, job.id),
      provider: `${job.provider}, account ${job.account}`,
      ordered: `${job.width}×${job.height}, ${job.seconds} s, ${job.cost} ${job.unit}`,
      accepted: this.time(job.accepted_at),
      started: job.started_at === null ? "not yet" : this.time(job.started_at),
      ended: job.ended_at === null ? `due at ${this.time(job.due_at)}` : this.time(job.ended_at),
      callback: job.callback ?? "none",
    };
    if (job.failure) facts.failure = `${job.failure.kind}: ${job.failure.message}`;
    if (job.sources.length) facts.inputs = job.sources.map((one) => `${one.role}: ${one.url}`).join("\n");
    if (job.cleaned) facts.result = "deleted by the client";
    return [
      this.head("", job.name, h("span", { class: `phase ${job.phase}` }, ended(job.phase) ? job.phase : `${job.phase} ${job.progress} %`)),
      h("p", { class: "prompt" }, job.prompt),
      this.buttons(job),
      job.media ? await this.media(job) : null,
      h("dl", { class: "facts" }, ...Object.entries(facts).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      h("h3", {}, "Cause and effect"),
    ].filter(Boolean);
  }

  time(at) {
    return `${clockText(at)} (${seconds(at)})`;
  }

  buttons(job) {
    if (ended(job.phase)) return null;
    const path = `/jobs/${encodeURIComponent(job.id)}`;
    const button = (text, title, work, off) => h("button", { type: "button", title, disabled: off, onclick: work }, text);
    const why = h("select", { "aria-label": "Fail with", onchange: (event) => this.act(() => api.post(`${path}/finish`, { failure: event.target.value })) },
      h("option", { value: "", selected: true, hidden: true }, "Fail with …"),
      ...FAILURES.map((one) => h("option", {}, one)));
    return h("div", { class: "buttons", role: "group", "aria-label": "A hand on the job" },
      button("Finish now", "The job completes at this moment", () => this.act(() => api.post(`${path}/finish`, {}))),
      why,
      button("Drop next callback", job.callback ? "Its next callback is never sent" : "It has no callback", () => this.act(() => api.post(`${path}/drop-callback`)), !job.callback));
  }

  // By the control API: a look at the film leaves no trace in the world.
  async media(job) {
    if (this.film.job === `${this.state.life} ${job.id}`) return this.film.node;
    this.forget();
    const path = `/jobs/${encodeURIComponent(job.id)}`;
    const load = async (name) => {
      const url = URL.createObjectURL(await api.getBlob(`${path}/${name}`));
      this.urls.push(url);
      return url;
    };
    const film = h("video", { controls: true, loop: true, muted: true, playsinline: true, "aria-label": `The film of ${job.name}` });
    const still = h("img", { alt: `The last frame of ${job.name}` });
    const node = h("div", { class: "media" },
      h("figure", {}, film, h("figcaption", {}, "film")),
      h("figure", {}, still, h("figcaption", {}, "last frame")));
    this.film = { job: `${this.state.life} ${job.id}`, node };
    Promise.all([load("film"), load("last-frame")]).then(
      ([one, other]) => {
        film.src = one;
        still.src = other;
      },
      (fault) => node.replaceChildren(h("p", { class: "bad" }, fault.message)),
    );
    return node;
  }

  // --- lines

  tree(lines, open) {
    const known = new Map(lines.map((line) => [line.n, { line, effects: [] }]));
    const roots = [];
    for (const one of known.values()) (known.get(one.line.cause)?.effects ?? roots).push(one);
    const draw = ({ line, effects }) => [
      this.line(line, open.has(line.n)),
      // What follows one from another, as phases do, goes down and not to the right.
      ...(effects.length ? [h("div", { class: effects.length > 1 ? "effects" : "" }, ...effects.flatMap(draw))] : []),
    ];
    return h("div", { class: "tree" }, ...roots.flatMap(draw));
  }

  line(line, open) {
    return h("details", { "data-n": line.n, open, class: `${line.line}${bad(line) ? " bad" : ""}` },
      h("summary", {}, h("span", { class: "n" }, `#${line.n}`), h("span", { class: "at" }, clockText(line.at)), h("span", { class: "title" }, title(line))),
      this.whole(line));
  }

  whole(line) {
    const parts = [];
    const block = (name, value) => {
      if (value === undefined || value === null || value === "") return;
      const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
      parts.push(h("h4", {}, name), h("pre", { tabindex: "0" }, text));
    };
    if (line.faults) parts.push(h("p", { class: "fault" }, `⚡ ${line.faults.join(", ")}`));
    if (line.cause) parts.push(h("p", { class: "why" }, `because of #${line.cause}`));
    if (line.line === "exchange") {
      block("Request headers", line.headers);
      block("Request", line.body);
      block("Reply headers", line.reply_headers);
      block(`Reply ${line.status || ""}`, line.reply);
    } else if (line.line === "delivery") {
      block(`Sent to ${line.url}`, line.sent);
      block(line.error ? "Error" : `Answer ${line.status}`, line.error ?? line.answer ?? "(empty)");
    } else if (line.line === "received") {
      block("Headers", line.headers);
      block("Body", line.body);
    } else {
      const { line: _, n, at, cause, job, ...rest } = line;
      block("", rest);
    }
    parts.push(h("button", { type: "button", class: "small", title: "A world that has lived through all up to this line, and can go on otherwise", onclick: () => this.rewind(line.n) }, "Rewind to here"));
    return h("div", { class: "whole" }, ...parts);
  }
}
