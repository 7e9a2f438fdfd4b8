// Exports on the session page: how far a packing is, and evidence that stays chosen while one searches for more.

export function packed({ export_id: id, progress }) {
  const bar = document.getElementById(`packing-${id}`);
  if (bar) bar.value = progress;
}

const chosen = () => document.getElementById("evidence-chosen");

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.name !== "attach" || !box.closest(".picker")) return;
  const from = box.closest("label");
  const into = box.checked ? chosen() : document.getElementById("evidence-found");
  if (from.parentElement !== into) {
    if (box.checked) into.append(from);
    else into.prepend(from);
    box.focus(); // moving it took the focus away
  }
  const count = chosen().querySelectorAll("input").length;
  document.getElementById("evidence-count").textContent = count ? `${count} chosen` : "";
});
