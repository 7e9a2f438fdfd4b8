// Sockets held open: a session's, that says what is new and goes on from where it was, and a person's inbox.

const REFUSED = [4401, 4403, 4404];

// open a socket, and again whenever it is lost, waiting longer each time; a refusal is final
function hold(path, { onFrame, onLost }) {
  let wait = 500;

  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${path()}`);
    socket.addEventListener("message", (message) => {
      wait = 500;
      onFrame(JSON.parse(message.data));
    });
    socket.addEventListener("close", (event) => {
      const refused = REFUSED.includes(event.code);
      onLost(refused);
      if (refused) return;
      setTimeout(connect, wait + Math.random() * 300);
      wait = Math.min(wait * 2, 15000);
    });
  }

  connect();
}

// onFrame gets every frame; onOpen is called after each (re)connection, when something may have been missed
export function follow(session, { after, onFrame, onOpen }) {
  let cursor = after;
  hold(() => `/ws/sessions/${session}?after=${cursor}`, {
    onFrame(frame) {
      if (frame.event === "connected") {
        show("live", "live");
        onOpen();
        return;
      }
      if (frame.sequence != null) cursor = Math.max(cursor, frame.sequence);
      onFrame(frame);
    },
    onLost: (refused) => show("lost", refused ? "signed out: reload the page" : "connection lost, trying again"),
  });
}

// onNotification gets each notification that comes while the page is open
export function listen({ onNotification }) {
  hold(() => "/ws/notifications", {
    onFrame: (frame) => frame.type === "notification" && onNotification(frame.notification),
    onLost: () => {},
  });
}

export function show(state, text) {
  const live = document.getElementById("live");
  if (live) {
    live.dataset.state = state;
    live.textContent = text;
  }
}

const REDRAW_MS = 400; // a busy session must not make the page ask more often than a person can read
const BUSY_RETRY_MS = 1500;
const due = new Map();

// have the server draw a panel again, soon and once, and never under somebody's hands
export function redraw(panel, id = panel) {
  if (due.has(panel)) return;
  due.set(panel, setTimeout(() => {
    due.delete(panel);
    const element = document.getElementById(id);
    if (element && beingTypedIn(element)) {
      due.set(panel, setTimeout(() => { due.delete(panel); redraw(panel, id); }, BUSY_RETRY_MS));
      return;
    }
    document.body.dispatchEvent(new CustomEvent(`refresh-${panel}`));
  }, REDRAW_MS));
}

// never take a half-typed signature or reason away from a person
function beingTypedIn(element) {
  const typed = [...element.querySelectorAll("input:not([type=hidden]), textarea")].some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);
  const active = document.activeElement;
  return typed || (element.contains(active) && active.matches("input, textarea, select"));
}
