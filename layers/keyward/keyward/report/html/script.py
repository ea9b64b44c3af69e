"""The page's one script: it copies, filters and unfolds, and asks for nothing. Without it all is
there to be read."""

from __future__ import annotations

COPY = """
"use strict";
const copied = async (block) => {
  try {
    await navigator.clipboard.writeText(block.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(block);
    return false;
  }
};
"""

SCRIPT = (
    COPY
    + """
const all = (what, within) => [...(within || document).querySelectorAll(what)];
for (const block of all("pre.command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    button.textContent = (await copied(block)) ? "Copied" : "Selected";
  });
  block.after(button);
}
for (const box of all(".find")) {
  const field = box.querySelector("input");
  const found = box.querySelector("output");
  const place = document.getElementById(field.dataset.within);
  const parts = all("[data-row]", place).map((part) => [part, part.textContent.toLowerCase()]);
  const folds = all("details", place).map((fold) => [fold, fold.open]);
  box.hidden = false;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const fits = new Set();
    for (const [part, text] of parts) {
      part.hidden = !words.every((word) => text.includes(word));
      if (!part.hidden) fits.add(text);
    }
    for (const [fold, isOpen] of folds) {
      fold.hidden = words.length > 0 && !fold.querySelector("[data-row]:not([hidden])");
      fold.open = words.length ? !fold.hidden : isOpen;
    }
    found.textContent = words.length ? fits.size + " found" : "";
  });
}
const unfold = () => {
  const part = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!part) return;
  for (let up = part; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
  part.scrollIntoView();
};
addEventListener("hashchange", unfold);
addEventListener("beforeprint", () => all("details").forEach((fold) => { fold.open = true; }));
unfold();
"""
)
