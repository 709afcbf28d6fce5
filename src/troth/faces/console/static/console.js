// What makes the console quicker for whoever has a script; every page works without.
"use strict";

// The menu is closed on a narrow screen, until it is asked for.
const menu = document.querySelector("details.menu");
if (menu && matchMedia("(max-width: 56rem)").matches) menu.open = false;

// Keys: "?" shows them, "/" goes to the search, "j" and "k" along the rows of a list, "g" and a letter to a part.
const search = () => document.querySelector("[data-search]");
const rows = () => [...document.querySelectorAll("tbody a[data-row]")];
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
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

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) { event.preventDefault(); return; }
  event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));
