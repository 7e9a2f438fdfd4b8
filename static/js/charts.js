// One chart per channel. History comes decimated from the server, spikes kept; live values are added as they arrive.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { figure, tick } from "./figures.js";

const MAX_POINTS = 1200;
const FONT = "11px system-ui, sans-serif";
const LEFT_OUT = 5; // usual steps that may be missing before the line breaks
const LIVE_PATIENCE_S = 15; // live frames carry the newest value alone; what lies between is filled in later
const FEW = 60; // readings that are shown as points too
const dark = matchMedia("(prefers-color-scheme: dark)");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const faded = (name, percent) => `color-mix(in srgb, ${colour(name)} ${percent}%, transparent)`;

// where a stretch of time that reaches back from the end begins: from now on, or from when the session ended
export const since = (seconds, until) => ((until ? Date.parse(until) : Date.now()) - seconds * 1000) / 1000;

export class Charts {
  constructor(root, session, { onFirst, until }) {
    this.root = root;
    this.session = session;
    this.until = until;
    this.onFirst = onFirst;
    this.window = null;
    this.cards = new Map();
    this.observer = new ResizeObserver((entries) => entries.forEach(({ target }) => target.card?.resize()));
    dark.addEventListener("change", () => this.cards.forEach((card) => card.draw()));
  }

  async refresh() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      const base = `/api/sessions/${this.session}/telemetry`;
      const { channels: items } = await (await this.get(`${base}/summary`)).json();
      const query = new URLSearchParams({ max_points: MAX_POINTS });
      if (this.window) query.set("from", new Date(since(this.window, this.until) * 1000).toISOString());
      await Promise.all(items.map(async (channel) => {
        query.set("channels", channel.name);
        const card = this.card(channel.name, channel.unit);
        card.link(`/sessions/${this.session}/channels/${channel.id}`);
        const { time, series } = await (await this.get(`${base}/series?${query}`)).json();
        card.history(time, series[channel.name] ?? {});
      }));
    } catch {
      // the socket tells when there is more; the next refresh draws it
    } finally {
      this.busy = false;
      if (this.again) {
        this.again = false;
        this.refresh();
      }
    }
  }

  async get(url) {
    const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer;
  }

  setWindow(seconds) {
    this.window = seconds;
    this.refresh();
  }

  add(data) {
    for (const [name, reading] of Object.entries(data)) {
      const known = this.cards.has(name);
      const card = this.card(name, reading.unit);
      if (!known) this.refresh();
      card.add(Date.parse(reading.timestamp) / 1000, reading.value, this.window);
    }
  }

  grown() {
    return [...this.cards.values()].some((card) => card.live > 0);
  }

  card(name, unit) {
    let card = this.cards.get(name);
    if (!card) {
      card = new Card(name, unit ?? "", { observer: this.observer });
      this.cards.set(name, card);
      const after = [...this.cards.keys()].sort().indexOf(name);
      this.root.insertBefore(card.element, this.root.children[after] ?? null);
      this.onFirst();
    }
    return card;
  }
}

// limits are drawn as lines; convert turns values into the unit shown; onSelect gets the stretch somebody drags over
export class Card {
  constructor(name, unit, { observer, limits = [], convert = (value) => value, onSelect = null, named = false }) {
    this.name = name;
    this.unit = unit;
    this.limits = limits.filter((limit) => limit != null);
    this.convert = convert;
    this.onSelect = onSelect;
    this.named = named; // whether the axes say what they are, where there is room for it
    this.forget();
    this.element = part("figure", "chart");
    this.title = part("h3", "", name);
    this.title.title = name;
    this.moment = part("span", "moment");
    this.now = part("span", "now", "—");
    const value = part("p", "value");
    value.append(this.now, " ", part("span", "unit", unit));
    const header = part("header", "");
    header.append(this.title, this.moment, value);
    this.place = part("div", "plot");
    this.place.setAttribute("role", "img");
    this.place.card = this;
    this.element.append(header, this.place);
    observer.observe(this.place);
  }

  forget() {
    this.times = [];
    this.low = [];
    this.high = [];
    this.middle = [];
    this.live = 0;
    this.patience = Infinity;
  }

  // the title leads to the channel's own page
  link(href) {
    if (this.title.firstElementChild) return;
    const link = part("a", "", this.name);
    link.href = href;
    this.title.replaceChildren(link);
  }

  history(time, series) {
    const seconds = time.map((at) => (typeof at === "number" ? at : Date.parse(at) / 1000));
    const [middle, low, high] = ["avg", "min", "max"].map((name) => (series[name] ?? series.value ?? []).map(this.convert));
    const kept = seconds.map((_, index) => index).filter((index) => middle[index] != null);
    const steps = kept.slice(1).map((index, before) => seconds[index] - seconds[kept[before]]).sort((a, b) => a - b);
    this.forget();
    this.times = kept.map((index) => seconds[index]);
    this.middle = kept.map((index) => middle[index]);
    this.low = kept.map((index) => low[index]);
    this.high = kept.map((index) => high[index]);
    this.patience = steps.length ? LEFT_OUT * steps[Math.floor(steps.length / 2)] : Infinity;
    this.update();
  }

  // tell whether the reading is newer than what is drawn
  add(at, received, window) {
    const last = this.times.at(-1);
    const value = this.convert(received);
    if (value == null || (last != null && at <= last)) return false;
    for (const [list, item] of [[this.times, at], [this.middle, value], [this.low, value], [this.high, value]]) list.push(item);
    this.live += 1;
    if (window) {
      const from = this.times.findIndex((time) => time >= at - window);
      for (const list of [this.times, this.middle, this.low, this.high]) list.splice(0, from);
    }
    if (!this.pending) {
      this.pending = true;
      requestAnimationFrame(() => { this.pending = false; this.update(); });
    }
    return true;
  }

  // the columns that are drawn: a break where readings are missing, edges only where readings were merged
  data() {
    const columns = [[], [], [], []];
    const put = (...row) => row.forEach((item, column) => columns[column].push(item));
    this.times.forEach((at, index) => {
      const before = this.times[index - 1];
      const isLive = index >= this.times.length - this.live;
      if (at - before > (isLive ? Math.max(this.patience, LIVE_PATIENCE_S) : this.patience)) put((at + before) / 2, null, null, null);
      const merged = this.low[index] !== this.high[index] || this.low[index - 1] !== this.high[index - 1] || this.low[index + 1] !== this.high[index + 1];
      put(at, merged ? this.low[index] : null, merged ? this.high[index] : null, this.middle[index]);
    });
    return columns;
  }

  // readings that no line leads to, and all of them where they are few
  points([times, , , middle]) {
    const few = this.times.length <= FEW;
    return times.map((_, index) => index).filter((index) => middle[index] != null && (few || (middle[index - 1] == null && middle[index + 1] == null)));
  }

  update() {
    if (!this.times.length) return this.clear();
    if (!this.plot) return this.draw();
    this.plot.setData(this.data());
    this.tell();
  }

  clear() {
    this.plot?.destroy();
    this.plot = null;
    this.place.replaceChildren(part("p", "empty", "No readings in this stretch of time."));
    this.place.removeAttribute("aria-label");
    this.show(null);
  }

  tell() {
    this.show(null);
    const [now, low, high] = [this.middle.at(-1), Math.min(...this.low), Math.max(...this.high)].map((value) => `${figure(value)} ${this.unit}`.trim());
    this.place.setAttribute("aria-label", `${this.name}: now ${now}, from ${low} to ${high}`);
  }

  // the value at a time of the chart, or the newest
  show(at) {
    const index = at == null ? this.times.length - 1 : this.times.indexOf(at);
    this.now.textContent = figure(this.middle[index]);
    const moment = index < 0 ? "" : new Date(this.times[index] * 1000).toISOString().slice(0, 19).replace("T", " ");
    const merged = this.low[index] !== this.high[index] && at != null;
    this.moment.textContent = merged ? `${moment}, mean of ${figure(this.low[index])} to ${figure(this.high[index])}` : moment;
  }

  // a limit is worth showing while the readings come near it; further away it would flatten them
  range(low, high) {
    const reach = 2 * (high - low || Math.abs(high) || 1);
    const near = this.limits.filter((limit) => limit >= low - reach && limit <= high + reach);
    const [least, most] = [Math.min(low, ...near), Math.max(high, ...near)];
    const room = Math.abs(most) / 10 || 1;
    return least === most ? [least - room, most + room] : uPlot.rangeNum(least, most, 0.1, true);
  }

  drawLimits(plot) {
    const { left, top, width, height } = plot.bbox;
    plot.ctx.save();
    plot.ctx.strokeStyle = colour("--bad");
    plot.ctx.lineWidth = devicePixelRatio;
    plot.ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const limit of this.limits) {
      const y = plot.valToPos(limit, "y", true);
      if (y < top || y > top + height) continue;
      plot.ctx.beginPath();
      plot.ctx.moveTo(left, y);
      plot.ctx.lineTo(left + width, y);
      plot.ctx.stroke();
    }
    plot.ctx.restore();
  }

  selected(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.onSelect(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  }

  draw() {
    if (!this.times.length) return;
    this.plot?.destroy();
    this.place.replaceChildren();
    const ink = colour("--soft");
    const axis = { stroke: ink, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: FONT, labelFont: FONT, labelSize: 18 };
    const edge = { stroke: faded("--accent", 55), width: 1, points: { show: false } };
    this.plot = new uPlot({
      width: this.place.clientWidth || 320,
      height: this.place.clientHeight || 136,
      legend: { show: false },
      cursor: { points: { size: 6 }, drag: { x: Boolean(this.onSelect), y: false, setScale: false } },
      scales: { x: { time: true }, y: { range: (plot, low, high) => (low == null ? [0, 1] : this.range(low, high)) } },
      axes: [
        {
          ...axis,
          label: this.named ? "Time (UTC)" : null,
          space: (plot, index, from, to) => (to - from < 10 ? 84 : 56),
          size: 24,
          values: (plot, splits, index, space, step) => splits.map((at) => tick(at, step)),
        },
        {
          ...axis,
          label: this.named && this.unit ? this.unit : null,
          size: (plot, labels) => Math.max(44, 14 + 6.5 * Math.max(0, ...(labels ?? []).map((label) => label.length))),
          space: 28,
          values: (plot, splits) => splits.map(figure),
        },
      ],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      series: [{}, edge, edge, {
        stroke: colour("--accent"),
        width: 1.5,
        points: { show: false, size: 4, width: 0, fill: colour("--accent"), filter: (plot) => this.points(plot.data) },
      }],
      bands: [{ series: [2, 1], fill: faded("--accent", 22) }],
      hooks: {
        draw: this.limits.length ? [(plot) => this.drawLimits(plot)] : [],
        setSelect: this.onSelect ? [(plot) => this.selected(plot)] : [],
        setCursor: [(plot) => this.show(plot.data[0][plot.cursor.idx] ?? null)],
      },
    }, this.data(), this.place);
    this.tell();
  }

  resize() {
    if (this.plot && this.place.clientWidth) this.plot.setSize({ width: this.place.clientWidth, height: this.place.clientHeight });
  }
}

function part(tag, className, text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
