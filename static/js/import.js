// The import page: a file is dropped or chosen, its beginning is looked at by the server, then it is sent with progress.

const form = document.getElementById("import");
const GLANCE_BYTES = 256 * 1024; // of a CSV file; a Parquet file says at its end what it holds, and is looked at whole
const GLANCE_MOST = 64 * 1024 * 1024;
const SETTLE_MS = 300;

if (form) {
  const file = form.elements.file;
  const drop = document.getElementById("drop");
  const sent = document.getElementById("sent");
  let asked = null;
  let later = 0;

  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.dataset.over = "";
    });
  }
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => delete drop.dataset.over);
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    file.files = event.dataTransfer.files;
    glance();
  });
  form.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(glance, SETTLE_MS);
  });

  // the beginning of a text file ends with a whole line, so that no half row is called wrong
  async function beginning(chosen) {
    if (/\.(parquet|pq|gz)$/i.test(chosen.name)) return chosen.size <= GLANCE_MOST ? chosen : null;
    if (chosen.size <= GLANCE_BYTES) return chosen;
    const bytes = new Uint8Array(await chosen.slice(0, GLANCE_BYTES).arrayBuffer());
    const end = bytes.lastIndexOf(10) + 1;
    return new File([bytes.subarray(0, end || bytes.length)], chosen.name);
  }

  async function glance() {
    const [chosen] = file.files;
    if (!chosen) return;
    const start = await beginning(chosen);
    if (!start) {
      tell("This file is too large to be looked at beforehand. It can be imported all the same.");
      return;
    }
    asked?.abort();
    asked = new AbortController();
    const body = new FormData(form);
    body.set("file", start, chosen.name);
    try {
      const answer = await fetch(form.dataset.preview, { method: "POST", body, signal: asked.signal, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const shown = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("preview");
      document.getElementById("preview").replaceWith(shown);
      if (shown.querySelector("[role=alert]")) document.getElementById("how").open = true;
    } catch (error) {
      if (error.name !== "AbortError") tell("The server did not answer. Try again, or import the file without looking.");
    }
  }

  function tell(text) {
    const place = document.getElementById("preview");
    const note = document.createElement("p");
    note.className = "empty";
    note.textContent = text;
    place.querySelector("header").replaceChildren(place.querySelector("h2"));
    place.replaceChildren(place.querySelector("header"), note);
  }

  form.addEventListener("htmx:xhr:progress", (event) => {
    sent.hidden = !event.detail.lengthComputable;
    if (event.detail.lengthComputable) sent.value = event.detail.loaded / event.detail.total;
  });
  form.addEventListener("htmx:afterRequest", () => { sent.hidden = true; });
  form.addEventListener("reset", () => tell("Choose a file to see how it is read before it is sent."));
}
