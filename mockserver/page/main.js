// The page: follows a world, and puts together what shows it.

import * as api from "./api.js";
import { Details } from "./details.js";
import { byId, h, perFrame, s, settled } from "./dom.js";
import { JournalTable } from "./journal.js";
import * as panels from "./panels.js";
import { State } from "./state.js";
import { Timeline } from "./timeline.js";
import { Tip } from "./tip.js";
import { clockText, GLYPHS, MARKS, PHASES } from "./words.js";

const KEYS = {
  "a / m / i": "+15 s, +1 min, run until idle",
  "j / l": "to the jobs, to the journal",
  "/": "filter the journal",
  "↑ ↓": "choose a job or a line",
  "← →": "from mark to mark of the chosen job",
  Enter: "open the details",
  Esc: "close the details",
  "+ − 0": "zoom; Ctrl and the wheel do the same",
};

const state = new State();
const tip = new Tip(state);
const details = new Details(state, {
  act,
  rewind,
  closed: () => {
    journal.mark(null);
    byId("rows").focus();
  },
});
const timeline = new Timeline(state, { choose, tip });
const journal = new JournalTable(state, { choose });
let stream = null;

// --- what comes in

async function fetchJobs() {
  const { life, heard } = state;
  const { jobs } = await api.get("/jobs");
  if (state.life === life) {
    state.know(jobs, heard);
    draw();
  }
}

const loadJobs = settled(() => fetchJobs().catch(notice), 30, 400);

const loadPanel = settled(() => refreshPanel(), 250, 1000);
const loadDetails = settled(() => details.shown && details.load().catch(notice), 80, 400);

const draw = perFrame(() => {
  drawHead();
  timeline.renderNow();
  if (!byId("journal").hidden) journal.renderNow();
});

function tell(name, data) {
  if (name === "world") {
    const fresh = data.life !== state.life;
    if (fresh) {
      state.clear();
      stream.again();
      details.shown && details.close();
    }
    state.begin(data);
    loadJobs();
    loadWorlds().catch(notice);
  } else if (name === "line") {
    state.take(data);
    if (state.unknown) loadJobs();
    if (details.shown?.job && (data.job === details.shown.job || data.given?.job === details.shown.job)) loadDetails();
    loadPanel();
  }
  draw();
}

function follow() {
  stream?.stop();
  state.clear();
  stream = new api.Stream({
    tell,
    state: (text) => {
      byId("live").textContent = text;
      byId("live").className = text;
    },
  });
  draw();
}

// --- head

function drawHead() {
  byId("time").textContent = clockText(state.now());
  const { kind, speed } = state.clock;
  byId("kind").textContent = kind === "scaled" ? `×${speed}` : kind;
  const sums = state.sums();
  byId("sums").replaceChildren(
    ...PHASES.filter((phase) => sums[phase]).map((phase) =>
      h("li", { class: phase }, h("span", { "aria-hidden": "true" }, GLYPHS[phase]), ` ${sums[phase]} `, h("span", { class: "word" }, phase))),
  );
  document.title = state.world ? `${state.world} · mock` : "Mock";
}

async function loadWorlds() {
  const { worlds } = await api.get("/worlds");
  const select = byId("world");
  const own = worlds.find((one) => one.world === state.world);
  byId("example-key").textContent = own ? Object.values(own.keys)[0] : "";
  const options = worlds.map((one) =>
    h("option", { value: one.path, selected: one.world === state.world }, `${one.world} (${one.jobs})`));
  select.replaceChildren(...options);
}

function go(path) {
  api.place.world = path;
  history.replaceState(null, "", `${api.base()}/ui/`);
  if (!byId("details").hidden) details.close();
  follow();
}

// --- acting

function notice(fault) {
  const box = byId("notice");
  box.textContent = fault.message;
  box.hidden = false;
  clearTimeout(box.timer);
  box.timer = setTimeout(() => {
    box.hidden = true;
  }, 6000);
}

async function act(work) {
  try {
    await work();
    loadPanel();
    loadDetails();
    return true;
  } catch (fault) {
    notice(fault);
    return false;
  }
}

async function move(order) {
  const group = document.querySelectorAll("header [data-advance], #idle");
  for (const button of group) button.disabled = true;
  await act(async () => {
    const { now } = await api.post("/clock/advance", order);
    state.reach(now);
    draw();
  });
  for (const button of group) button.disabled = false;
}

async function rewind(line) {
  const name = `${state.world}.at${line}`;
  await act(async () => {
    const made = await api.post(`/worlds/${name}/replay`, { source: state.world, line });
    go(made.path);
  });
}

function choose(what) {
  if (what.job) timeline.find(what.job);
  if (what.line) journal.mark(what.line);
  details.show(what).catch(notice);
}

// --- panels

const PANELS = {
  journal: () => journal.render(),
  ledger: () => panels.ledger(state),
  verdict: panels.verdict,
  faults: panels.faults(act),
};
let shown = "journal";

async function refreshPanel() {
  if (shown === "journal") return;
  await PANELS[shown]().catch(notice);
}

function showPanel(name) {
  shown = name;
  for (const each of Object.keys(PANELS)) {
    const tab = byId(`tab-${each}`);
    const on = each === name;
    byId(each).hidden = !on;
    tab.setAttribute("aria-selected", on ? "true" : "false");
    tab.tabIndex = on ? 0 : -1;
  }
  byId("journal-filters").hidden = name !== "journal";
  Promise.resolve(PANELS[name]()).catch(notice);
}

function wireTabs() {
  const names = Object.keys(PANELS);
  for (const [place, name] of names.entries()) {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => showPanel(name));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const next = names[(place + by + names.length) % names.length];
      showPanel(next);
      byId(`tab-${next}`).focus();
    });
  }
}

// --- keys

function wireKeys() {
  const keys = {
    a: () => move({ by: 15 }),
    m: () => move({ by: 60 }),
    i: () => move({ until_idle: true }),
    j: () => byId("rows").focus(),
    l: () => (showPanel("journal"), byId("lines").focus()),
    "/": () => (showPanel("journal"), byId("line-filter").focus()),
    "+": () => timeline.zoom(0.6),
    "-": () => timeline.zoom(1 / 0.6),
    0: () => timeline.fit(),
    "?": () => byId("help").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

function wireHead() {
  for (const button of document.querySelectorAll("[data-advance]")) {
    button.addEventListener("click", () => move({ by: Number(button.dataset.advance) }));
  }
  byId("idle").addEventListener("click", () => move({ until_idle: true }));
  for (const button of document.querySelectorAll("[data-file]")) {
    const ending = button.dataset.file === "world-file" ? "world" : "har";
    button.addEventListener("click", () => act(() => api.download(`/${button.dataset.file}`, `${state.world}.${ending}`)));
  }
  byId("world").addEventListener("change", (event) => go(event.target.value));
  byId("world").addEventListener("pointerdown", () => loadWorlds().catch(notice));
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("keys").append(...Object.entries(KEYS).flatMap(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)]));
  const sample = (kind) =>
    h("li", {}, s("svg", { class: "track sample", width: 20, height: 30, "aria-hidden": "true" }, timeline.sample(kind)), MARKS[kind] ?? "a fault struck");
  byId("legend").append(...[...Object.keys(MARKS), "bolt"].map(sample));
}

wireHead();
wireTabs();
wireKeys();
follow();
// By the wall time goes on without any line.
setInterval(() => state.clock.speed && !document.hidden && draw(), 250);
