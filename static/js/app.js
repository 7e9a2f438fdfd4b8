// Small manners for every page: refusals go where they belong, open details stay open, forms send themselves.

import { listen } from "./live.js";

const RETARGET = { 403: true, 404: true, 409: true, 412: true, 413: true, 422: true, 429: true, 503: true };

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  const form = requestConfig.elt;
  if (RETARGET[xhr.status] && form instanceof HTMLFormElement && form.dataset.refusal) {
    const place = document.getElementById(form.dataset.refusal);
    if (place) {
      event.detail.target = place;
      event.detail.swapOverride = "innerHTML";
      event.detail.shouldSwap = true;
      event.detail.isError = false;
      place.setAttribute("tabindex", "-1");
      requestAnimationFrame(() => place.focus());
    }
  }
});

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt;
  if (!(form instanceof HTMLFormElement) || !event.detail.successful || event.detail.xhr.status >= 400) return;
  const place = form.dataset.refusal && document.getElementById(form.dataset.refusal);
  if (place) place.replaceChildren();
  if (form.dataset.reset !== undefined) form.reset();
});

document.addEventListener("htmx:sendError", (event) => {
  const form = event.detail.elt;
  const place = form instanceof HTMLFormElement && document.getElementById(form.dataset.refusal ?? "messages");
  if (place) {
    const box = document.createElement("div");
    box.className = "message message--error";
    box.setAttribute("role", "alert");
    box.textContent = "The server did not answer. What you typed is still here; try again.";
    place.replaceChildren(box);
  }
});

// a form that sends a file shows how far it is
document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = event.target.querySelector("progress[data-sent]");
  if (!bar || !event.detail.lengthComputable) return;
  bar.hidden = false;
  bar.value = event.detail.loaded / event.detail.total;
});
document.addEventListener("htmx:afterRequest", (event) => {
  for (const bar of event.target.querySelectorAll("progress[data-sent]")) bar.hidden = true;
});

// a panel that is drawn again keeps its open <details> and its scroll position
const kept = new Map();
document.addEventListener("htmx:beforeSwap", (event) => {
  const old = event.detail.target;
  if (!old.id) return;
  const flow = old.matches(".flow") ? old : old.querySelector(".flow");
  kept.set(old.id, {
    open: [...old.querySelectorAll("details[open][id]")].map((item) => item.id),
    scroll: flow ? flow.scrollTop : 0,
  });
});
document.addEventListener("htmx:afterSettle", (event) => {
  const fresh = document.getElementById(event.detail.target.id);
  const state = fresh && kept.get(fresh.id);
  if (!state || event.detail.requestConfig.verb !== "get") return;
  for (const id of state.open) document.getElementById(id)?.setAttribute("open", "");
  const flow = fresh.matches(".flow") ? fresh : fresh.querySelector(".flow");
  if (flow) flow.scrollTop = state.scroll;
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto-submit], [data-auto-submit]");
  if (!form || event.target.type === "search") return;
  (form instanceof HTMLFormElement ? form : form.form).requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-submit-with='ctrl-enter']")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
  if (event.key === "Escape") {
    const open = event.target.closest("details[open]");
    if (open) {
      open.removeAttribute("open");
      open.querySelector("summary").focus();
    }
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    // no clipboard without https: mark the text, so that one keystroke takes it
    getSelection().selectAllChildren(source);
    button.textContent = "Marked: press Ctrl + C";
  }
});

// the record is kept in UTC; whoever points at a time, or taps it, also reads it as their own clock has it
const here = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
document.addEventListener("pointerover", (event) => {
  const time = event.target.closest("time[datetime]");
  if (time) time.title = `${here.format(new Date(time.dateTime))}, your time`;
});
const apart = -new Date().getTimezoneOffset();
const footer = document.getElementById("here");
if (footer && apart !== 0) {
  const hours = Math.abs(apart) / 60;
  footer.textContent = `; your clock is ${hours} h ${apart > 0 ? "ahead" : "behind"}`;
}

// what scrolls sideways can be scrolled by the keyboard
for (const box of document.querySelectorAll(".dossier pre")) if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;

// the bell in the header rings when something comes, whatever page is open
const bell = document.querySelector(".bell");
if (bell) listen({ onNotification: () => bell.dispatchEvent(new CustomEvent("rung")) });
