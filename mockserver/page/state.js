// What the page knows of the world it shows: lines as they come in, jobs as the lines change them.

import { ended, jobsOf } from "./words.js";

export class State {
  constructor() {
    this.clear();
  }

  clear() {
    this.world = "";
    this.life = "";
    this.clock = { kind: "frozen", speed: 0, now: 0, since: performance.now() };
    this.lines = [];
    this.byNumber = new Map();
    this.effects = new Map();
    this.jobs = new Map();
    this.byJob = new Map();
    this.others = [];
    this.unknown = false;
  }

  begin({ world, life, clock }) {
    this.world = world;
    this.life = life;
    this.clock = { ...clock, since: performance.now() };
  }

  now() {
    const { now, speed, since } = this.clock;
    return now + ((performance.now() - since) / 1000) * speed;
  }

  // Time never goes back; by the wall it goes on from what was last heard.
  reach(at) {
    if (at > this.now()) this.clock = { ...this.clock, now: at, since: performance.now() };
  }

  take(line) {
    if (this.byNumber.has(line.n)) return;
    this.byNumber.set(line.n, line);
    // Lines that take time come in behind others, but have their place by number.
    let place = this.lines.length;
    while (place > 0 && this.lines[place - 1].n > line.n) place -= 1;
    this.lines.splice(place, 0, line);
    if (line.cause) this.effects.set(line.cause, [...(this.effects.get(line.cause) ?? []), line.n]);
    this.file(line);
    this.reach(Math.max(line.at + (line.seconds ?? 0), line.replied_at ?? 0, line.answered_at ?? 0));
    this.change(line);
  }

  file(line) {
    const jobs = this.about(line);
    for (const job of jobs) {
      if (!this.byJob.has(job)) this.byJob.set(job, []);
      this.byJob.get(job).push(line);
    }
    if (!jobs.length && ["exchange", "received"].includes(line.line)) this.others.push(line);
  }

  // The jobs that a line is about; a request that a fault kept from its job names it in its path.
  about(line) {
    const jobs = jobsOf(line);
    if (jobs.length || line.line !== "exchange") return jobs;
    const named = decodeURIComponent(line.path.split("/").at(-1));
    return this.jobs.has(named) ? [named] : [];
  }

  change(line) {
    const job = this.jobs.get(line.job);
    if (line.line === "entry" && line.kind === "charge" && !job) this.unknown = true;
    if (line.line !== "transition" || !job) return;
    job.phase = line.after;
    if (line.after === "running") job.started_at ??= line.at;
    if (ended(line.after)) {
      job.ended_at = line.at;
      if (line.why) job.failure = { message: line.why };
    }
  }

  // How many lines came in; to be asked before rows are.
  get heard() {
    return this.byNumber.size;
  }

  // Rows as the mock had them when that many lines had been `heard`, or later: what the lines
  // since then tell may not be in them.
  know(rows, heard) {
    for (const row of rows) this.jobs.set(row.id, row);
    this.unknown = false;
    for (const line of [...this.byNumber.values()].slice(heard)) this.change(line);
    const others = this.others;
    this.others = [];
    for (const line of others) this.file(line);
  }

  sums() {
    const sums = {};
    for (const job of this.jobs.values()) sums[job.phase] = (sums[job.phase] ?? 0) + 1;
    return sums;
  }
}
