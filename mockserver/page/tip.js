// What a mark stands for, its cause and what came of it, beside the mark.

import { byId, h } from "./dom.js";
import { clockText, title } from "./words.js";

const MOST = 4;

export class Tip {
  constructor(state) {
    this.state = state;
    this.box = byId("tip");
  }

  show(line, around) {
    const rows = [h("p", { class: "what" }, h("b", {}, `#${line.n}`), ` ${clockText(line.at)} `, title(line))];
    if (line.faults) rows.push(h("p", { class: "fault" }, `fault: ${line.faults.join(", ")}`));
    const causes = [];
    for (let one = this.state.byNumber.get(line.cause); one && causes.length < MOST; one = this.state.byNumber.get(one.cause)) {
      causes.push(one);
    }
    rows.push(...causes.map((one) => h("p", { class: "cause" }, `because of #${one.n} `, title(one))));
    const effects = (this.state.effects.get(line.n) ?? []).slice(0, MOST);
    rows.push(
      ...effects.map((n) => h("p", { class: "effect" }, `then #${n} `, title(this.state.byNumber.get(n)))),
    );
    this.box.replaceChildren(...rows);
    this.box.hidden = false;
    const { width, height } = this.box.getBoundingClientRect();
    const left = Math.max(8, Math.min(innerWidth - width - 8, around.left + around.width / 2 - width / 2));
    const under = around.bottom + 8;
    const top = under + height > innerHeight - 8 ? around.top - height - 8 : under;
    this.box.style.left = `${left}px`;
    this.box.style.top = `${Math.max(8, top)}px`;
  }

  hide() {
    this.box.hidden = true;
  }
}
