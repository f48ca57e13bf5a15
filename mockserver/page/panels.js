// Ledger, verdict and faults: asked for when they are looked at.

import * as api from "./api.js";
import { byId, h } from "./dom.js";
import { clockText } from "./words.js";

const table = (heads, rows) =>
  h("table", {},
    h("thead", {}, h("tr", {}, ...heads.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...rows.map((cells) => h("tr", {}, ...cells.map((cell) => h("td", {}, cell))))));

const none = (text) => h("p", { class: "none" }, text);

export async function ledger(state) {
  const book = await api.get("/ledger");
  const name = (id) => state.jobs.get(id)?.name ?? id;
  const units = Object.fromEntries(book.charges.map((one) => [one.provider, one.unit]));
  const sums = Object.entries(book.total).map(([provider, sum]) =>
    h("li", {}, h("b", {}, sum), ` ${units[provider]}`, h("span", {}, provider)));
  const entries = [...book.charges, ...book.refunds].sort((one, other) => one.n - other.n);
  const doubles = book.double_charges.map((one) => h("pre", { class: "finding error", tabindex: "0" }, one.text));
  byId("ledger").replaceChildren(
    h("ul", { class: "cards" }, ...sums),
    ...(doubles.length ? [h("h3", {}, "Charged more than once for one wish"), ...doubles] : []),
    entries.length
      ? table(["#", "time", "job", "account", "what", "amount"], entries.map((one) => [
          one.n, clockText(one.at), name(one.job), `${one.provider}, ${one.account}`, one.kind,
          `${one.kind === "refund" ? "−" : ""}${one.amount} ${one.unit}`,
        ]))
      : none("Nothing was charged yet."),
  );
}

export async function verdict() {
  const found = await api.get("/verdict");
  const findings = found.findings.map((one) =>
    h("li", { class: `finding ${one.level}` }, h("b", {}, one.rule), " ", one.text,
      h("span", { class: "n" }, one.requests.map((n) => `#${n}`).join(" "))));
  byId("verdict").replaceChildren(
    findings.length
      ? h("ul", { class: "findings" }, ...findings)
      : none("Nothing to be said against this client so far."),
    ...(findings.length ? [h("pre", { tabindex: "0" }, found.text)] : []),
  );
}

export function faults(act) {
  return async () => {
    const found = await api.get("/faults");
    const box = byId("faults");
    // Somebody may be writing into the field.
    const field = box.querySelector("input") ?? h("input", { type: "text", list: "fault-examples", size: "40", placeholder: "submit#2:accept-then-reset", "aria-label": "A fault" });
    const add = async (event) => {
      event.preventDefault();
      if (await act(() => api.post("/faults", [field.value]))) field.value = "";
    };
    const list = (lines, empty) =>
      lines.length ? h("ul", { class: "lines" }, ...lines.map((line) => h("li", {}, h("code", {}, line)))) : none(empty);
    const form = h("form", { class: "buttons", onsubmit: add }, field, h("button", {}, "Add"),
      h("button", { type: "button", disabled: !found.faults.length && !found.chaos.length, onclick: () => act(() => api.remove("/faults")) }, "Clear all"),
      h("datalist", { id: "fault-examples" }, ...found.kinds.map((kind) => h("option", { value: kind.example }, kind.meaning))));
    box.replaceChildren(
      form,
      h("div", { class: "columns" },
        h("section", {}, h("h3", {}, "Planned"), list([...found.faults, ...found.chaos], "No fault is planned.")),
        h("section", {}, h("h3", {}, "Struck"), list(found.struck, "None has struck yet."))),
      h("details", {}, h("summary", {}, "What can go wrong"),
        table(["example", "meaning"], found.kinds.map((kind) => [h("code", {}, kind.example), kind.meaning]))),
    );
  };
}
