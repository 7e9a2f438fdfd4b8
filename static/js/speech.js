// Speech: recorded here, kept in this browser until the server has it, sent with progress and again after a loss.

const box = document.getElementById("recorder");
const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const SUFFIX = { webm: "webm", mp4: "m4a", ogg: "ogg" };
const MOST_MS = 15 * 60 * 1000; // what an engine hears in one piece
const BITS_PER_SECOND = 32000;
const LATER = [0, 408, 425, 429, 500, 502, 503, 504];
const WHY = {
  NotAllowedError: "The browser may not use the microphone. Allow it beside the address, then record again.",
  NotFoundError: "There is no microphone on this machine.",
  NotReadableError: "Another program is using the microphone.",
  SecurityError: "The browser gives a microphone to this machine or to https alone.",
};

// recordings that the server does not have yet; without a database of the browser they live as long as the page
class Kept {
  constructor() {
    this.database = new Promise((resolve) => {
      if (!window.indexedDB) return resolve(null);
      const asked = indexedDB.open("biolab-speech", 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore("recordings", { keyPath: "id" });
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => resolve(null);
    });
  }

  async work(mode, ask) {
    const database = await this.database;
    if (!database) return undefined;
    return new Promise((resolve) => {
      const asked = ask(database.transaction("recordings", mode).objectStore("recordings"));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => resolve(undefined);
    });
  }

  put = (recording) => this.work("readwrite", (store) => store.put(recording));
  remove = (id) => this.work("readwrite", (store) => store.delete(id));
  all = async () => (await this.work("readonly", (store) => store.getAll())) ?? [];
}

// one recording on its way: a line of the list
class Sending {
  constructor(recording, kept, list, onGone) {
    Object.assign(this, { recording, kept, list, onGone, wait: 2000 });
    this.line = document.createElement("li");
    this.text = document.createElement("span");
    this.bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
    this.bar.setAttribute("aria-label", "Sent");
    this.again = Object.assign(document.createElement("button"), { type: "button", className: "tight", textContent: "Send now" });
    this.again.addEventListener("click", () => this.send());
    this.file = Object.assign(document.createElement("a"), { textContent: "Keep as a file", href: URL.createObjectURL(recording.blob) });
    this.file.download = `${recording.id}.${SUFFIX[/\/(\w+)/.exec(recording.blob.type)?.[1]] ?? "webm"}`;
    this.drop = Object.assign(document.createElement("button"), { type: "button", className: "tight danger", textContent: "Discard" });
    this.drop.addEventListener("click", () => confirm("Discard this recording? It is nowhere else.") && this.forget());
    const row = Object.assign(document.createElement("div"), { className: "row" });
    row.append(this.text, this.bar, this.again, this.file, this.drop);
    this.line.append(row);
    list.append(this.line);
    list.hidden = false;
    list.closest("[hidden]")?.removeAttribute("hidden"); // after the session's end there is nothing else to show
    this.send();
  }

  tell(text, { going = false, hopeless = false } = {}) {
    this.text.textContent = `${Math.round(this.recording.seconds)} s · ${text}`;
    this.bar.hidden = !going;
    this.again.hidden = going || hopeless;
    this.file.hidden = going;
    this.drop.hidden = !hopeless;
  }

  async forget() {
    await this.kept.remove(this.recording.id);
    URL.revokeObjectURL(this.file.href);
    this.line.remove();
    this.list.hidden = !this.list.children.length;
    this.onGone(this);
  }

  send() {
    if (this.asked) return;
    clearTimeout(this.later);
    this.bar.removeAttribute("value");
    this.tell("being sent", { going: true });
    const body = new FormData();
    body.set("audio_chunk_id", this.recording.id);
    body.set("duration_seconds", this.recording.seconds.toFixed(3));
    body.set("file", this.recording.blob, this.file.download);
    const asked = (this.asked = new XMLHttpRequest());
    asked.open("POST", box.dataset.upload);
    for (const [name, value] of Object.entries(JSON.parse(document.body.getAttribute("hx-headers")))) asked.setRequestHeader(name, value);
    asked.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) this.bar.value = event.loaded / event.total;
    });
    asked.addEventListener("loadend", () => {
      this.asked = null;
      this.answered(asked);
    });
    asked.send(body);
  }

  async answered({ status, responseText }) {
    if (status === 202) {
      await this.forget();
      document.body.dispatchEvent(new CustomEvent("refresh-speech"));
      return;
    }
    if (LATER.includes(status)) {
      this.later = setTimeout(() => this.send(), this.wait);
      this.wait = Math.min(this.wait * 2, 60000);
      this.tell("kept here; the server does not answer, it is sent again by itself");
    } else if (status === 401 || status === 403) {
      this.tell("kept here; sign in again, then send it");
    } else {
      this.tell(reason(responseText), { hopeless: true });
    }
  }
}

function reason(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return "the server refused it";
  }
}

function begin() {
  const button = document.getElementById("record");
  const state = document.getElementById("recording");
  const list = document.getElementById("unsent");
  const kept = new Kept();
  const sending = new Set();
  let recorder = null;
  let clock = 0;
  box.hidden = false;

  const send = (recording) => sending.add(new Sending(recording, kept, list, (one) => sending.delete(one)));
  const tell = (text, live = "") => {
    state.textContent = text;
    state.dataset.state = live;
  };

  function over(parts, type, started) {
    clearInterval(clock);
    recorder = null;
    button.textContent = "Record";
    button.setAttribute("aria-pressed", "false");
    button.classList.remove("danger");
    const blob = new Blob(parts, { type });
    if (!blob.size) return tell("Nothing was recorded.", "lost");
    const recording = { id: `chunk_${crypto.randomUUID()}`, session: box.dataset.session, person: box.dataset.person, blob, seconds: (performance.now() - started) / 1000 };
    tell("");
    return kept.put(recording).then(() => send(recording));
  }

  async function record() {
    if (!navigator.mediaDevices) return tell(WHY.SecurityError, "lost");
    button.disabled = true;
    tell("Waiting for the microphone …");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch (error) {
      return tell(WHY[error.name] ?? `The microphone cannot be used: ${error.message}`, "lost");
    } finally {
      button.disabled = false;
    }
    const parts = [];
    const started = performance.now();
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    const current = (recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND }));
    const stop = () => current.state !== "inactive" && current.stop();
    current.addEventListener("dataavailable", (event) => event.data.size && parts.push(event.data));
    current.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      over(parts, current.mimeType, started);
    });
    stream.getTracks()[0].addEventListener("ended", stop); // the microphone was pulled out: what there is, is kept
    current.start(1000);
    button.textContent = "Stop and send";
    button.setAttribute("aria-pressed", "true");
    button.classList.add("danger");
    const show = () => {
      const seconds = Math.floor((performance.now() - started) / 1000);
      tell(`Recording ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`, "live");
      if (seconds * 1000 >= MOST_MS) stop();
    };
    clock = setInterval(show, 250);
    return show();
  }

  button?.addEventListener("click", () => (recorder ? recorder.stop() : record()));
  addEventListener("online", () => sending.forEach((one) => one.send()));
  addEventListener("beforeunload", (event) => {
    if (recorder) event.preventDefault();
  });
  kept.all().then((left) => left.filter(({ session, person }) => session === box.dataset.session && person === box.dataset.person).forEach(send));
}

if (box && window.MediaRecorder) begin();
