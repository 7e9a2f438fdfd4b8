// The live session page. The socket says what is new; panels are drawn again by the server, charts grow here.

import { Charts } from "./charts.js";
import { packed } from "./exports.js";
import { follow, redraw, show } from "./live.js";

const bench = document.getElementById("bench");
const session = bench.dataset.session;
const charts = new Charts(document.getElementById("charts"), session, {
  until: bench.dataset.until,
  onFirst: () => document.getElementById("charts-empty").setAttribute("hidden", ""),
});

const PANELS = [
  [/^session\./, ["head", "steps", "alarms", "timeline"]],
  [/^step\./, ["steps", "head", "timeline"]],
  [/^remediation\./, ["steps", "timeline"]],
  [/^note\./, ["notes", "timeline"]],
  [/^stt\./, ["speech", "notes", "timeline"]],
  [/^notebook\./, ["notebook", "exports", "timeline"]],
  [/^file\./, ["files", "exports", "timeline"]],
  [/^telemetry\.(limit|gap|alarm)\./, ["alarms", "timeline"]],
  [/^telemetry\.gap$/, ["alarms", "timeline"]],
  [/^narrative_export\./, ["exports", "timeline"]],
  [/^governance\.(preview|guardrail)\./, ["preview", "timeline"]],
  [/./, ["timeline"]],
];
const LISTS = { notes: "notes-list", speech: "speech-list", files: "files-list" }; // panels whose form beside them stays
const FILL_IN_MS = 10000;

let over = bench.dataset.live === "no";

follow(session, {
  after: Number(bench.dataset.head),
  onOpen: () => charts.refresh(),
  onFrame(frame) {
    if (frame.event === "telemetry") {
      charts.add(frame.data);
      return;
    }
    if (frame.event === "narrative_export.packaging.progress") {
      packed(frame.data);
      return;
    }
    if (frame.event === "slide:completed" || (frame.event === "error" && frame.jobId)) {
      redraw("exports");
      return;
    }
    if (frame.event === "session.ended") over = true;
    if (frame.sequence == null) return; // heartbeat, presence
    const [, panels] = PANELS.find(([pattern]) => pattern.test(frame.event));
    for (const panel of panels) redraw(panel, LISTS[panel] ?? panel);
  },
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target.id === "head") show("live", "live");
});

const clock = () => {
  for (const item of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(item.dataset.since)) / 1000));
    const pad = (number) => String(number).padStart(2, "0");
    item.textContent = `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
  }
};

document.getElementById("window").addEventListener("change", (event) => charts.setWindow(Number(event.target.value) || null));
charts.refresh();
if (!over) setInterval(clock, 1000);
setInterval(() => charts.grown() && charts.refresh(), FILL_IN_MS); // frames carry the latest values; the rest is filled in
clock();
