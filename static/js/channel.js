// One channel in one session: its chart with limits, grown live, looked into closer by dragging.

import { Card, since } from "./charts.js";
import { follow, redraw, show } from "./live.js";

const place = document.getElementById("chart");
const { session, channel, unit, low, high, scale, offset, until } = place.dataset;
const FIGURES_EVERY_MS = 3000;
const FILL_IN_MS = 10000;
const MAX_POINTS = 2000;

const convert = (value) => (value == null ? value : value * Number(scale) + Number(offset));
const limits = [low, high].map((limit) => (limit === "" ? null : Number(limit)));
const whole = document.getElementById("whole");
const windowChoice = document.getElementById("window");

let closer = null; // the stretch being looked at, in seconds since 1970
let busy = false;
let again = false;

const card = new Card(channel, unit, {
  observer: new ResizeObserver((entries) => entries.forEach(({ target }) => target.card?.resize())),
  limits,
  convert,
  named: true,
  onSelect(from, to) {
    closer = [from, to];
    whole.hidden = false;
    refresh();
  },
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => card.draw());

function appear() {
  if (!card.element.isConnected) place.append(card.element);
  document.getElementById("chart-empty").hidden = true;
  document.getElementById("chart-hint").hidden = false;
}

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const query = new URLSearchParams({ channels: channel, max_points: MAX_POINTS });
    const seconds = Number(windowChoice.value);
    const [from, to] = closer ?? (seconds ? [since(seconds, until), null] : [null, null]);
    if (from != null) query.set("from", new Date(from * 1000).toISOString());
    if (to != null) query.set("to", new Date(to * 1000).toISOString());
    const answer = await fetch(`/api/sessions/${session}/telemetry/series?${query}`, { credentials: "same-origin" });
    if (answer.ok) {
      const { time, series } = await answer.json();
      if (time.length) appear();
      card.history(time, series[channel] ?? {});
    }
  } catch {
    // the socket tells when there is more; the next refresh draws it
  } finally {
    busy = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}

whole.addEventListener("click", () => {
  closer = null;
  whole.hidden = true;
  windowChoice.focus();
  refresh();
});
windowChoice.addEventListener("change", () => {
  closer = null;
  whole.hidden = true;
  refresh();
});

let figuresAt = 0;
function figuresLater() {
  const wait = Math.max(0, figuresAt + FIGURES_EVERY_MS - Date.now());
  if (wait > 0 && figuresAt > Date.now()) return;
  figuresAt = Date.now() + wait;
  setTimeout(() => redraw("figures"), wait);
}

refresh();
if (place.dataset.live === "yes") {
  follow(session, {
    after: Number(place.dataset.head),
    onOpen: refresh,
    onFrame(frame) {
      if (frame.event === "telemetry") {
        const reading = frame.data[channel];
        if (!reading) return;
        appear();
        if (!closer && card.add(Date.parse(reading.timestamp) / 1000, reading.value, Number(windowChoice.value) || null)) figuresLater();
      } else if (/^telemetry\.(limit|gap|alarm)/.test(frame.event)) {
        redraw("alarms");
      } else if (frame.event === "session.ended") {
        show("over", "ended");
        redraw("alarms");
        redraw("figures");
      }
    },
  });
  setInterval(() => card.live > 0 && !closer && refresh(), FILL_IN_MS); // frames carry the latest value; the rest is filled in
}
