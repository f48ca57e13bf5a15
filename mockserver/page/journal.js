// The journal as a table that may be long.

import { byId, h, LongList, perFrame } from "./dom.js";
import { bad, clockText, KINDS, title } from "./words.js";

const ROW = 26;

export class JournalTable {
  constructor(state, { choose }) {
    this.state = state;
    this.choose = choose;
    this.kind = "";
    this.words = [];
    this.rows = [];
    this.chosen = null;
    this.box = byId("lines");
    this.list = new LongList(this.box, ROW, (place) => this.row(this.rows[place], place));
    this.render = perFrame(() => this.renderNow());
    byId("line-kind").append(...KINDS.map((kind) => h("option", {}, kind)));
    byId("line-kind").addEventListener("change", (event) => {
      this.kind = event.target.value;
      this.render();
    });
    byId("line-filter").addEventListener("input", (event) => {
      this.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      this.render();
    });
    this.box.addEventListener("click", (event) => {
      const row = event.target.closest(".line");
      if (row) this.open(Number(row.dataset.place));
    });
    this.box.addEventListener("keydown", (event) => this.key(event));
  }

  name(line) {
    const [job] = this.state.about(line);
    return job ? (this.state.jobs.get(job)?.name ?? "") : "";
  }

  fits(line) {
    if (this.kind && line.line !== this.kind) return false;
    if (!this.words.length) return true;
    const text = `#${line.n} ${line.line} ${line.act ?? ""} ${this.name(line)} ${line.job ?? ""} ${title(line)} ${(line.faults ?? []).join(" ")}`;
    const whole = text.toLowerCase();
    return this.words.every((word) => whole.includes(word));
  }

  renderNow() {
    const atEnd = this.box.scrollTop + this.box.clientHeight > (this.list.count - 1) * ROW;
    this.rows = this.kind || this.words.length ? this.state.lines.filter((line) => this.fits(line)) : this.state.lines;
    this.list.count = this.rows.length;
    const all = this.state.lines.length;
    byId("line-count").textContent = this.rows.length === all ? `${all}` : `${this.rows.length} of ${all}`;
    this.list.renderNow();
    if (atEnd && this.chosen === null) this.box.scrollTop = this.rows.length * ROW;
  }

  row(line, place) {
    const chosen = line.n === this.chosen;
    return h(
      "div",
      {
        class: `line ${line.line}${bad(line) ? " bad" : ""}${chosen ? " chosen" : ""}`,
        role: "option",
        id: `line-${line.n}`,
        "aria-selected": chosen ? "true" : "false",
        "data-place": place,
      },
      h("span", { class: "n" }, line.n),
      h("span", { class: "at" }, clockText(line.at)),
      h("span", {}, this.name(line)),
      h("span", { class: "title" }, title(line), line.faults ? h("em", {}, ` ⚡ ${line.faults.join(", ")}`) : null),
      h("span", { class: "n" }, line.cause ? `#${line.cause}` : ""),
    );
  }

  open(place, focus = false) {
    const line = this.rows[Math.max(0, Math.min(this.rows.length - 1, place))];
    if (!line) return;
    this.mark(line.n);
    const [job] = this.state.about(line);
    this.choose({ job: job ?? null, line: line.n, focus });
  }

  mark(n) {
    this.chosen = n;
    const place = this.rows.findIndex((line) => line.n === n);
    if (place >= 0) {
      this.list.show(place);
      this.box.setAttribute("aria-activedescendant", `line-${n}`);
    }
    this.render();
  }

  key(event) {
    const place = this.rows.findIndex((line) => line.n === this.chosen);
    const moves = {
      ArrowDown: () => this.open(place + 1),
      ArrowUp: () => this.open(place < 0 ? this.rows.length - 1 : place - 1),
      Home: () => this.open(0),
      End: () => this.open(this.rows.length - 1),
      Enter: () => this.open(place, true),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
  }
}
