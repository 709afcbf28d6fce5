// The shop's own script: a plain banner that keeps neither its yes nor its no.
const DAY = 86400;
const set = (name, value, days) => { document.cookie = `${name}=${value}; path=/; max-age=${days * DAY}`; };
const unset = (name) => { document.cookie = `${name}=; path=/; max-age=0`; };
const has = (name) => document.cookie.split("; ").some((one) => one.startsWith(name + "="));
const chosen = () => (document.cookie.match(/(?:^|; )choice=(yes|no)/) || [])[1];

function afterYes() {
  if (!has("_fbp")) set("_fbp", "f1", 90);
  if (!has("_gid")) set("_gid", "g1", 1);
  localStorage.setItem("profile", "sporty");
  sessionStorage.setItem("funnel", "2");
  indexedDB.open("audience").onupgradeneeded = (event) => event.target.result.createObjectStore("people");
  const ad = Object.assign(document.createElement("iframe"), { title: "An ad", src: "{third}/ad" });
  document.body.append(ad);
}

function afterNo() {
  setTimeout(() => set("late_sneaky", "s2", 20), 45000);
  new Image().src = "{third}/collect?after=no";
}

function accept() {
  set("choice", "yes", 182);
  shut();
  afterYes();
}

function refuse() {
  if (chosen() === "yes") {
    unset("_gid");
    sessionStorage.removeItem("funnel");
    indexedDB.deleteDatabase("audience");
  }
  set("choice", "no", 182);
  shut();
  setTimeout(() => set("sneaky", "s1", 1), 1200);
  afterNo();
}

function shut() { document.getElementById("asks")?.remove(); }

function ask() {
  shut();
  const box = Object.assign(document.createElement("div"), { id: "asks", innerHTML: `
    <h2 id="asks-title">We use cookies</h2><p>To count visits and to show you what you like.</p>
    <button type="button" id="yes">Accept all</button> <button type="button" id="no">Reject all</button>` });
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-labelledby", "asks-title");
  box.style.cssText = "position:fixed;bottom:0;left:0;right:0;background:#fff;padding:1em;border-top:1px solid";
  document.body.append(box);
  document.getElementById("yes").onclick = accept;
  document.getElementById("no").onclick = refuse;
}

document.getElementById("settings").onclick = ask;
if (!chosen()) ask();
else if (chosen() === "yes") afterYes();
else afterNo();
