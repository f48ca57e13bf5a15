// What lines of the journal are called, and which mark stands for them.

export const PHASES = ["queued", "running", "completed", "failed", "moderated"];
export const GLYPHS = { completed: "✓", failed: "✕", moderated: "⊘", running: "▸", queued: "…" };

export const ended = (phase) => !["queued", "running"].includes(phase);

export function clockText(seconds) {
  const whole = Math.floor(seconds + 1e-9);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

export const seconds = (value) => `${Number(value.toFixed(3))} s`;

export function span(value) {
  if (value < 120) return seconds(value);
  const minutes = Math.floor(value / 60);
  const rest = Number((value % 60).toFixed(0));
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

// Of a request: whether it was refused, or its reply got lost. What tells of a job is no refusal,
// whatever its status: at useapi.net 404 means that a video is not ready.
export const refused = (line) =>
  line.line === "exchange" && (Boolean(line.lost) || line.status === 0 || (line.status >= 400 && !line.told));

const LOST = { reset: "connection broken", cut: "reply cut off", hang: "never answered" };

// A path without the job's own id, which can be long and is told elsewhere.
function shortened(line) {
  if (!line.job) return line.path;
  return line.path.replace(line.job, "…").replace(encodeURIComponent(line.job), "…");
}

const TITLES = {
  exchange: (line) => {
    const reply = line.status ? line.status : "";
    const lost = line.lost ? `${reply ? ", " : ""}${LOST[line.lost]}` : "";
    const late = line.replied_at > line.at ? ` after ${seconds(line.replied_at - line.at)}` : "";
    const told = line.told?.length === 1 ? ` ${line.told[0][1]}` : "";
    return `${line.method} ${shortened(line)} → ${reply}${told}${lost}${late}`;
  },
  transition: (line) => `${line.before} → ${line.after}${line.why ? `: ${line.why}` : ""}`,
  entry: (line) => `${line.kind === "charge" ? "charged" : "refunded"} ${line.amount} ${line.unit}`,
  delivery: (line) => {
    const how = line.how ? `${line.how} ` : "";
    return `${how}callback “${line.phase}” → ${line.error ?? line.status}`;
  },
  loaded: (line) => (line.fault ? `input: ${line.fault}` : `input fetched: ${line.url}`),
  received: (line) => `webhook in inbox ${line.inbox} → ${line.status || LOST[line.lost]}`,
  moved: (line) => `time moved by ${span(line.seconds)}`,
  command: (line) => {
    const given = Object.values(line.given ?? {}).flat().filter((value) => value !== null);
    return `hand: ${line.name} ${given.filter((value) => value !== line.given.job).join(", ")}`.trimEnd();
  },
};

export const title = (line) => TITLES[line.line]?.(line) ?? line.line;

export const KINDS = Object.keys(TITLES);

// Whether a line tells of trouble.
export function bad(line) {
  if (line.line === "exchange") return refused(line);
  if (line.line === "delivery") return Boolean(line.error) || !(line.status < 300);
  if (line.line === "loaded") return Boolean(line.fault);
  if (line.line === "received") return !(line.status > 0 && line.status < 300);
  return line.line === "transition" && (line.after === "failed" || line.after === "moderated");
}

// The marks of the time line, most telling ones last, so that they lie on top.
export const MARKS = {
  poll: "a look at the job",
  download: "its film was fetched",
  input: "an input was fetched",
  submit: "the submit",
  callback: "a callback",
  hand: "somebody's hand",
  refused: "a refusal, or a lost reply",
};

export function mark(line) {
  if (refused(line)) return "refused";
  switch (line.line) {
    case "exchange":
      return { submit: "submit", poll: "poll", list: "poll", download: "download" }[line.act] ?? "poll";
    case "delivery":
      return "callback";
    case "loaded":
      return "input";
    case "command":
      return "hand";
    case "received":
      return "callback";
    default:
      return null;
  }
}

// The jobs that a line is about.
export function jobsOf(line) {
  if (line.line === "command") return line.given?.job ? [line.given.job] : [];
  if (line.act === "list") return (line.told ?? []).map(([job]) => job);
  return line.job ? [line.job] : [];
}
