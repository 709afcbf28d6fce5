// What makes the console quicker for whoever has a script; every page works without.
"use strict";

// The menu is closed on a narrow screen, until it is asked for.
const menu = document.querySelector("details.menu");
if (menu && matchMedia("(max-width: 56rem)").matches) menu.open = false;

// Keys: "?" shows them, "/" goes to the search, "j" and "k" along the rows of a list, "g" and a letter to a part.
const search = () => document.querySelector("[data-search]");
const rows = () => [...document.querySelectorAll("tbody a[data-row]")];
let goes = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  const to = goes && document.querySelector(`nav.parts [data-key="${CSS.escape(event.key)}"]`);
  goes = event.key === "g" && !goes;
  if (to) { to.click(); return; }
  const move = { j: 1, k: -1 }[event.key];
  if (event.key === "/" && search()) {
    event.preventDefault();
    search().focus();
  } else if (move) {
    const all = rows(), here = all.indexOf(document.activeElement);
    const next = all[here < 0 ? (move > 0 ? 0 : all.length - 1) : here + move];
    if (next) next.focus();
  } else if (event.key === "?") {
    const keys = document.getElementById("keys");
    if (keys) keys.showModal();
  }
});

// One box ticks all.
document.querySelectorAll("input[data-all]").forEach((all) => {
  all.addEventListener("change", () => {
    document.querySelectorAll(`input[name="${all.dataset.all}"]`).forEach((one) => { one.checked = all.checked; });
  });
});

// Long work: an element names the address whose lines it shows as they come, and the page is loaded anew at the end.
document.querySelectorAll("[data-live]").forEach((element) => {
  const source = new EventSource(element.dataset.live);
  const bar = element.querySelector("progress"), text = element.querySelector("[data-said]");
  source.addEventListener("step", (event) => {
    const step = JSON.parse(event.data);
    if (bar && step.of) { bar.max = step.of; bar.value = step.done; }
    if (text) text.textContent = step.said;
  });
  source.addEventListener("end", () => { source.close(); location.reload(); });
});

// A form is sent once, however often its button is pressed in a hurry.  An answer that is a file leaves the page as it
// is and tells nobody that it came: the form can be sent again after a moment, for the next file.
const AGAIN_MS = 2000;
const free = (form) => { delete form.dataset.sent; };
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  setTimeout(() => free(form), AGAIN_MS);
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(free));

// Prose: a plain toolbar puts Markdown around what is marked.
document.querySelectorAll("[data-toolbar]").forEach((bar) => {
  const area = document.getElementById(bar.dataset.toolbar);
  const around = { bold: ["**", "**"], italic: ["*", "*"], link: ["[", "](https://)"] }, before = { list: "- ", heading: "#### " };
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const tool = event.target.dataset.tool;
    if (!tool) return;
    const [start, end] = [area.selectionStart, area.selectionEnd], marked = area.value.slice(start, end);
    if (around[tool]) {
      area.setRangeText(around[tool][0] + marked + around[tool][1], start, end, "end");
    } else {
      const line = area.value.lastIndexOf("\n", start - 1) + 1;
      area.setRangeText(area.value.slice(line, end).replace(/^/gm, before[tool]), line, end, "end");
    }
    area.focus();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
});

// Findings are told while one writes: the form is sent to be looked at, and nothing is kept.
document.querySelectorAll("form[data-check]").forEach((form) => {
  let waits;
  form.addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(async () => {
      const told = new URLSearchParams(new FormData(form));
      told.set("do", "check");
      told.set("part", "1");
      const answer = await fetch(form.action, { method: "POST", body: told });
      const part = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-findings]");
      const shown = form.querySelector("[data-findings]") || document.querySelector("[data-findings]");
      if (part && shown) shown.replaceWith(part);
    }, 700);
  });
});
