// Jobs along the virtual clock: one bar each, with what befell it as marks.

import { byId, h, LongList, perFrame, s } from "./dom.js";
import { clockText, ended, GLYPHS, mark, MARKS } from "./words.js";

const ROW = 30;
const MIDDLE = ROW / 2;
const BAR = 10;
const RIGHT = 26;
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400];
const APART = 2.5;

const SHAPES = {
  submit: (x) => s("path", { d: `M${x} ${MIDDLE - 9}v18` }),
  poll: (x) => s("path", { d: `M${x} ${MIDDLE + 6}v5` }),
  download: (x) => s("path", { d: `M${x - 3.5} ${MIDDLE + 7}h7l-3.5 5z` }),
  input: (x) => s("rect", { x: x - 2.5, y: MIDDLE + 6.5, width: 5, height: 5 }),
  callback: (x) => s("path", { d: `M${x} ${MIDDLE - 13}l4.5 4.5l-4.5 4.5l-4.5 -4.5z` }),
  hand: (x) => s("circle", { cx: x, cy: MIDDLE, r: 3.5 }),
  refused: (x) => s("path", { d: `M${x - 3.5} ${MIDDLE - 3.5}l7 7m0 -7l-7 7` }),
};
const ORDER = Object.keys(MARKS);
const BOLT = (x) => `M${x + 1} ${MIDDLE - 14}l-3.5 6h3l-1.5 5l4.5 -6.5h-3z`;

const OTHERS = { id: "", others: true };

export class Timeline {
  constructor(state, { choose, tip }) {
    this.state = state;
    this.choose = choose;
    this.tip = tip;
    this.words = [];
    this.rows = [];
    this.place = -1;
    this.markPlace = -1;
    this.view = null;
    this.box = byId("rows");
    this.list = new LongList(this.box, ROW, (place) => this.row(place));
    this.render = perFrame(() => this.renderNow());
    this.listen();
  }

  listen() {
    byId("job-filter").addEventListener("input", (event) => {
      this.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.render();
    });
    byId("zoom-in").addEventListener("click", () => this.zoom(0.6));
    byId("zoom-out").addEventListener("click", () => this.zoom(1 / 0.6));
    byId("zoom-fit").addEventListener("click", () => this.fit());
    this.box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("click", (event) => this.click(event));
    this.box.addEventListener("pointermove", (event) => this.hover(event));
    this.box.addEventListener("pointerleave", () => this.tip.hide());
    this.box.addEventListener("blur", () => this.tip.hide());
    new ResizeObserver(this.render).observe(this.box);
  }

  // --- what is shown

  range() {
    if (this.view) return this.view;
    let end = this.state.now();
    for (const job of this.state.jobs.values()) {
      end = Math.max(end, job.ended_at ?? job.due_at ?? 0);
    }
    return { start: 0, end: Math.max(10, end * 1.03) };
  }

  width() {
    return Math.max(80, this.box.clientWidth - this.labelWidth());
  }

  labelWidth() {
    return parseFloat(getComputedStyle(this.box).getPropertyValue("--label")) || 220;
  }

  x(at) {
    const { start, end } = this.now;
    return ((at - start) / (end - start)) * (this.now.width - RIGHT) + 6;
  }

  fits(job) {
    if (!this.words.length) return true;
    const text = `${job.name} ${job.id} ${job.provider} ${job.account} ${job.phase} ${job.prompt}`;
    const whole = text.toLowerCase();
    return this.words.every((word) => whole.split(" ").includes(word) || whole.includes(word));
  }

  renderNow() {
    this.now = { ...this.range(), width: this.width() };
    this.rows = [...this.state.jobs.values()].filter((job) => this.fits(job));
    if (this.state.others.length && !this.words.length) this.rows.unshift(OTHERS);
    this.list.count = this.rows.length;
    byId("no-jobs").hidden = this.state.jobs.size > 0;
    this.axis();
    this.list.renderNow();
  }

  axis() {
    const { start, end, width } = this.now;
    const step = STEPS.find((one) => (one / (end - start)) * width > 84) ?? STEPS.at(-1);
    const marks = [];
    this.ticks = [];
    for (let at = Math.ceil(start / step) * step; at <= end; at += step) {
      const x = this.x(at);
      this.ticks.push(x);
      const text = step < 1 ? at.toFixed(1) : clockText(at).replace(/^00:/, "");
      marks.push(s("path", { class: "tick", d: `M${x} 20v6` }), s("text", { x, y: 15 }, text));
    }
    const now = this.x(this.state.now());
    marks.push(s("path", { class: "now", d: `M${now - 4} 19h8l-4 7z` }));
    const axis = byId("axis");
    axis.style.width = `${width}px`;
    axis.replaceChildren(...marks);
  }

  row(place) {
    const job = this.rows[place];
    const chosen = place === this.place;
    const label = job.others
      ? [h("b", {}, "other"), h("span", {}, "requests about no job")]
      : [
          h("b", {}, job.name),
          h("i", { class: `dot ${job.phase}`, "aria-hidden": "true" }, GLYPHS[job.phase]),
          h("span", { title: job.prompt }, job.prompt || job.id),
        ];
    const about = job.others ? "requests about no job" : `${job.name}, ${job.provider}, ${job.phase}, ${job.prompt}`;
    return h(
      "div",
      {
        class: `row${chosen ? " chosen" : ""}`,
        role: "option",
        id: `row-${place}`,
        "data-place": place,
        "aria-selected": chosen ? "true" : "false",
        "aria-label": about,
      },
      h("div", { class: "label" }, ...label),
      this.track(job, chosen),
    );
  }

  track(job, chosen) {
    const now = this.x(this.state.now());
    const grid = this.ticks.map((x) => `M${x} 0v${ROW}`).join("");
    const parts = [s("path", { class: "grid", d: grid })];
    if (!job.others) parts.push(...this.bars(job));
    parts.push(s("path", { class: "nowline", d: `M${now} 0v${ROW}` }));
    parts.push(...this.marks(this.linesOf(job), chosen));
    return s("svg", { class: "track", width: this.now.width, height: ROW, "aria-hidden": "true" }, ...parts);
  }

  bars(job) {
    const bar = (from, to, kind) => {
      const x = this.x(from);
      const width = Math.max(1.5, this.x(to) - x);
      return s("rect", { class: `bar ${kind}`, x, y: MIDDLE - BAR / 2, width, height: BAR, rx: 3 });
    };
    const now = this.state.now();
    const end = job.ended_at ?? now;
    const parts = [];
    if (!ended(job.phase) && job.due_at > now) parts.push(bar(now, job.due_at, "ahead"));
    parts.push(bar(job.accepted_at, job.started_at ?? end, "queued"));
    if (job.started_at !== null) parts.push(bar(job.started_at, end, job.phase));
    if (ended(job.phase)) {
      parts.push(s("text", { class: `end ${job.phase}`, x: this.x(end) + 5, y: MIDDLE + 4 }, GLYPHS[job.phase]));
    }
    return parts;
  }

  // A mark alone, for the legend.
  sample(kind) {
    const shape = kind === "bolt" ? s("path", { class: "bolt", d: BOLT(10) }) : SHAPES[kind](10);
    return s("g", { class: `mark ${kind}` }, shape);
  }

  linesOf(job) {
    const lines = job.others ? this.state.others : (this.state.byJob.get(job.id) ?? []);
    return lines.toSorted((one, other) => one.at - other.at || one.n - other.n);
  }

  // Marks that would lie upon each other are one; trouble is always drawn.
  marks(lines, chosen) {
    const last = {};
    const groups = Object.fromEntries(ORDER.map((kind) => [kind, []]));
    const { start, end } = this.now;
    for (const line of lines) {
      const kind = mark(line);
      if (!kind || line.at < start || line.at > end) continue;
      const x = this.x(line.at);
      const current = chosen && line.n === this.markNumber();
      const near = last[kind] !== undefined && x - last[kind] < APART;
      if (near && kind !== "refused" && !line.faults && !line.how && !current) continue;
      last[kind] = x;
      const odd = line.how ? " odd" : "";
      const failed = kind === "callback" && (line.error || !(line.status < 300)) ? " failed" : "";
      const node = s("g", { class: `mark ${kind}${odd}${failed}${current ? " current" : ""}`, "data-n": line.n });
      node.append(SHAPES[kind](x));
      if (line.faults) node.append(s("path", { class: "bolt", d: BOLT(x + 5) }));
      node.append(s("rect", { class: "hit", x: x - 5, y: 0, width: 10, height: ROW }));
      groups[kind].push(node);
    }
    return ORDER.flatMap((kind) => groups[kind]);
  }

  // --- moving about

  zoom(factor, at) {
    const { start, end } = this.range();
    const middle = at ?? (start + end) / 2;
    const span = Math.max(0.5, (end - start) * factor);
    const from = Math.max(0, middle - ((middle - start) / (end - start)) * span);
    this.view = { start: from, end: from + span };
    this.render();
  }

  pan(share) {
    const { start, end } = this.range();
    const from = Math.max(0, start + (end - start) * share);
    this.view = { start: from, end: from + end - start };
    this.render();
  }

  fit() {
    this.view = null;
    this.render();
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const { start, end, width } = this.now;
      const left = this.box.getBoundingClientRect().left + this.labelWidth();
      const at = start + ((event.clientX - left - 6) / (width - RIGHT)) * (end - start);
      this.zoom(event.deltaY < 0 ? 0.8 : 1.25, at);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      this.pan(((event.deltaX || event.deltaY) / this.now.width) * 0.8);
    }
  }

  // --- choosing

  select(place, { quiet = false } = {}) {
    if (!this.rows.length) return;
    this.place = Math.max(0, Math.min(this.rows.length - 1, place));
    this.markPlace = -1;
    this.list.show(this.place);
    this.box.setAttribute("aria-activedescendant", `row-${this.place}`);
    this.render();
    const job = this.rows[this.place];
    if (!quiet && !job.others) this.choose({ job: job.id });
  }

  find(job) {
    this.place = this.rows.findIndex((row) => row.id === job);
    this.markPlace = -1;
    if (this.place >= 0) this.list.show(this.place);
    this.render();
  }

  marked() {
    const job = this.rows[this.place];
    return job ? this.linesOf(job).filter((line) => mark(line)) : [];
  }

  markNumber() {
    return this.markPlace < 0 ? null : this.marked()[this.markPlace]?.n;
  }

  step(by) {
    const lines = this.marked();
    if (!lines.length) return;
    const from = this.markPlace < 0 && by < 0 ? lines.length : this.markPlace;
    this.markPlace = Math.max(0, Math.min(lines.length - 1, from + by));
    const line = lines[this.markPlace];
    this.renderNow();
    const node = this.box.querySelector(".mark.current");
    if (node) this.tip.show(line, node.getBoundingClientRect());
  }

  key(event) {
    const page = Math.floor(this.box.clientHeight / ROW) - 1;
    const moves = {
      ArrowDown: () => this.select(this.place + 1),
      ArrowUp: () => this.select(this.place - 1),
      PageDown: () => this.select(this.place + page),
      PageUp: () => this.select(this.place - page),
      Home: () => this.select(0),
      End: () => this.select(this.rows.length - 1),
      ArrowRight: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      Enter: () => this.open(),
    };
    if (!moves[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moves[event.key]();
  }

  open() {
    const job = this.rows[this.place];
    const n = this.markNumber();
    if (job && (n || !job.others)) this.choose({ job: job.id || null, line: n, focus: true });
  }

  click(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const n = event.target.closest(".mark")?.dataset.n;
    this.select(Number(row.dataset.place), { quiet: true });
    const job = this.rows[this.place];
    if (n || !job.others) this.choose({ job: job.id || null, line: n ? Number(n) : null });
  }

  hover(event) {
    const node = event.target.closest(".mark");
    const line = node && this.state.byNumber.get(Number(node.dataset.n));
    if (line) this.tip.show(line, node.getBoundingClientRect());
    else this.tip.hide();
  }
}
