// Elements without markup in strings, so that nothing from the wire is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

function fill(node, given, children) {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const h = (tag, given, ...children) => fill(document.createElement(tag), given, children);
export const s = (tag, given, ...children) =>
  fill(document.createElementNS(SVG, tag), given, children);

// Runs at most once per picture, however often it is called.
export function perFrame(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
}

// Runs once calls have stopped for a while, and every `most` milliseconds while they go on.
export function settled(work, wait, most) {
  let timer = 0;
  let first = 0;
  return () => {
    const now = performance.now();
    if (!timer) first = now;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      work();
    }, Math.max(0, Math.min(wait, first + most - now)));
  };
}

// A long list of rows of one height, of which only those in sight are in the document.
export class LongList {
  constructor(box, height, draw) {
    this.box = box;
    this.height = height;
    this.draw = draw;
    this.count = 0;
    this.spacer = h("div", { class: "spacer" });
    this.box.append(this.spacer);
    this.render = perFrame(() => this.renderNow());
    this.box.addEventListener("scroll", this.render, { passive: true });
    new ResizeObserver(this.render).observe(box);
  }

  renderNow() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - 4);
    const last = Math.min(
      this.count,
      Math.ceil((this.box.scrollTop + this.box.clientHeight) / this.height) + 4,
    );
    this.spacer.style.height = `${this.count * this.height}px`;
    const rows = [];
    for (let place = first; place < last; place += 1) {
      const row = this.draw(place);
      row.style.top = `${place * this.height}px`;
      rows.push(row);
    }
    this.spacer.replaceChildren(...rows);
  }

  show(place) {
    const top = place * this.height;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    const under = top + this.height - this.box.clientHeight;
    if (under > this.box.scrollTop) this.box.scrollTop = under;
  }
}
