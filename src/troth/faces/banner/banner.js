// What asks visitors, remembers what they chose, and holds scripts and frames back until then.
// The build puts the table of the policy and the words of one language in place of CONFIG.
(function (config) {
  "use strict";
  const doc = document, own = doc.currentScript, me = own.dataset, nonce = own.nonce, root = doc.documentElement;
  const signal = config.gpc && navigator.globalPrivacyControl === true;
  const words = config.words, ran = new Set();
  const safe = location.protocol === "https:" ? "; Secure" : "";
  let choice, box, from;

  const now = () => Math.floor(Date.now() / 1000);

  const make = (tag, told, ...inside) => {
    const made = Object.assign(doc.createElement(tag), told);
    made.append(...inside);
    return made;
  };
  const button = (text, onclick) => make("button", { type: "button", textContent: text, onclick });

  // The cookie that remembers: 1.when.since.letters.imprints.proof, and .u while the server has not answered;
  // with .letters.proof of the yes that this choice changes, so that a withdrawal is told under its name.
  const kept = (one) => one.at + (one.yes ? config.given : config.refused) - now();
  const read = () => {
    const found = doc.cookie.split("; ").filter((one) => one.startsWith(config.name + "=")).map((one) => {
      const part = one.slice(config.name.length + 1).split(".");
      return { at: parseInt(part[1], 36), since: part[2], yes: part[3], imprints: part[4], proof: part[5], unsent: part[6] === "u", was: part[7] || "", of: part[8] || "", ok: part[0] === "1" && part.length > 5 };
    }).filter((one) => one.ok && one.at < now() + 86400 && kept(one) > 0);
    return found.sort((one, other) => other.at - one.at)[0];
  };
  const write = () => {
    const value = [1, choice.at.toString(36), choice.since, choice.yes, choice.imprints, choice.proof].join(".") + (choice.unsent ? ".u" + (choice.was && "." + choice.was + "." + choice.of) : "");
    doc.cookie = config.name + "=" + value + "; Path=/; SameSite=Lax; Max-Age=" + kept(choice) + (me.domain ? "; Domain=" + me.domain : "") + safe;
  };
  const had = (letter, one) => one && one.yes.includes(letter);
  const asked = config.kinds.filter((kind) => kind.letter !== "n" && !kind.exempt);
  const known = (kind) => {
    const marks = choice.imprints.match(/.{5}/g) || [];
    return kind.imprints.every((one) => marks.includes(one));
  };
  const allows = (letter) => {
    const kind = config.kinds.find((one) => one.letter === letter || one.name === letter);
    return !!kind && (!asked.includes(kind) || (had(kind.letter, choice) && known(kind)));
  };

  // Google's tags read these; none is fetched before its category is allowed.
  const google = (what) => {
    if (me.google === undefined) return;
    window.dataLayer = window.dataLayer || [];
    const told = (letter) => what === "update" && allows(letter) ? "granted" : "denied";
    const gtag = function () { window.dataLayer.push(arguments); };
    gtag("consent", what, {
      ad_storage: told("m"), ad_user_data: told("m"), ad_personalization: told("m"), analytics_storage: told("a"),
      functionality_storage: told("p"), personalization_storage: told("p"), security_storage: "granted"
    });
  };

  // What is held back: <script type="text/plain" data-choice>, <iframe data-choice data-src>, <img data-choice data-src>.
  // Where the page works with nonces, a script without one is nobody's, and stays held back.
  let pure = { createScriptURL: (one) => one, createScript: (one) => one };
  try { pure = trustedTypes.createPolicy("troth", pure); } catch { /* the browser has none, or the page allows none */ }
  const release = (held) => {
    const data = held.dataset, kind = data.choice;
    if (nonce && held.tagName === "SCRIPT" && held.nonce !== nonce) return;
    held.removeAttribute("data-choice");
    ran.add(kind);
    if (held.tagName !== "SCRIPT") {
      held.src = data.src;
      if (held.troth) held.troth.remove();
      return;
    }
    const script = doc.createElement("script");
    for (const one of held.attributes) if (!/^(type|nonce|data-src)$/.test(one.name)) script.setAttribute(one.name, one.value);
    if (data.type) script.type = data.type;
    script.nonce = held.nonce;
    script.async = held.hasAttribute("async");
    if (data.src) script.src = pure.createScriptURL(data.src); else script.textContent = pure.createScript(held.textContent);
    held.replaceWith(script);
  };
  const hold = (frame) => {
    if (frame.troth || frame.tagName !== "IFRAME") return;
    frame.troth = make("div", { className: "troth-held", lang: config.lang }, make("p", { textContent: words.held.replace("{host}", new URL(frame.dataset.src, location).host) }), button(words.load, () => release(frame)));
    frame.after(frame.troth);
  };
  const look = () => doc.querySelectorAll("[data-choice]").forEach((one) => {
    try { allows(one.dataset.choice) ? release(one) : hold(one); } catch { /* what is written wrongly stays back, alone */ }
  });

  // What is not allowed and within reach of a script goes; the server deletes what is not.
  const clean = () => {
    const hosts = [""], labels = location.hostname.split(".");
    while (labels.length > 1) { hosts.push("; Domain=" + labels.join(".")); labels.shift(); }
    const fits = (row, name) => new RegExp("^" + row.name.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*") + "$").test(name);
    const each = (names, row, remove) => names.filter((name) => fits(row, name)).forEach(remove);
    const stored = (store, row) => { try { each(Object.keys(store()), row, (name) => store().removeItem(name)); } catch { /* the browser keeps it shut */ } };
    asked.filter((kind) => !allows(kind.letter)).forEach((kind) => kind.rows.forEach((row) => {
      if (row.in === "local_storage") stored(() => localStorage, row);
      else if (row.in === "session_storage") stored(() => sessionStorage, row);
      else if (row.in === "indexed_db" && window.indexedDB && indexedDB.databases) indexedDB.databases().then((all) => each(all.map((one) => one.name), row, (name) => indexedDB.deleteDatabase(name))).catch(() => {});
      else if (row.in === "cookie") each(doc.cookie.split("; ").map((one) => one.split("=")[0]), row, (name) => hosts.forEach((host) => ["/", row.path].forEach((path) => {
        const gone = name + "=; Max-Age=0; Path=" + path + host;
        doc.cookie = gone + safe;
        doc.cookie = gone + "; Secure; SameSite=None; Partitioned";
      })));
    }));
  };

  const send = (how) => {
    if (!config.post) return Promise.resolve();
    const mine = choice;
    const told = { how, language: config.lang, build: config.build, table: config.table, at: mine.at, yes: mine.yes, proof: mine.proof || mine.of, was: mine.was, gpc: signal };
    return fetch(config.post, { method: "POST", keepalive: true, credentials: "same-origin", headers: { "Content-Type": "application/json" }, body: JSON.stringify(told) })
      .then((answer) => answer.ok ? answer.json() : answer.status === 422 ? {} : Promise.reject())
      .then((answer) => {
        Object.assign(mine, { unsent: false, was: "", of: "", receipt: answer.receipt });
        if (choice === mine) write();
      })
      .catch(() => {});
  };

  // What a choice means for this page; the site's other pages that are open follow it too.
  const mustStop = () => [...ran].some((kind) => !allows(kind));
  const follow = () => { clean(); google("update"); shut(); look(); };
  const tabs = new BroadcastChannel("troth");
  tabs.onmessage = () => { choice = read() || choice; mustStop() ? location.reload() : follow(); };

  const choose = (how, letters) => {
    const before = choice || { yes: "", was: "", of: "", proof: "" }, kinds = asked.filter((kind) => letters.includes(kind.letter));
    const goes = kinds.some((kind) => had(kind.letter, before)), of = before.proof || before.of;
    const drawn = crypto.getRandomValues(new Uint8Array(16)).reduce((all, one) => all + (one % 36).toString(36), "");
    choice = {
      at: now(), yes: kinds.map((kind) => kind.letter).join(""), imprints: kinds.map((kind) => kind.imprints.join("")).join(""),
      since: kinds.length ? goes ? before.since : now().toString(36) : "", proof: kinds.length ? of || drawn : "",
      unsent: !!config.post, was: before.yes || before.was, of
    };
    write();
    const stop = mustStop(), sent = send(how);
    follow();
    tabs.postMessage(0);
    doc.dispatchEvent(new CustomEvent("troth:choice", { detail: { allowed: asked.filter((kind) => allows(kind.letter)).map((kind) => kind.name), how } }));
    // A script that runs cannot be called back: the page is loaded anew without it.
    if (stop) sent.then(() => location.reload());
  };

  const shut = () => {
    if (box) box.remove();
    box = null;
    back();
    if (from && from.isConnected) from.focus();
    from = null;
  };
  const back = () => {
    if (doc.querySelector("[data-troth-open]") || doc.getElementById("troth-again")) return;
    doc.body.append(make("aside", { id: "troth-again", lang: config.lang, ariaLabel: words.again }, button(words.again, () => open(true))));
  };
  const show = (...inside) => {
    if (box) box.remove();
    box = make("div", { id: "troth-choices", lang: config.lang }, ...inside);
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-labelledby", "troth-title");
    box.onkeydown = (event) => { if (event.key === "Escape") choice || signal ? shut() : open(); };
    doc.body.prepend(box);
    box.firstChild.focus({ preventScroll: true });
  };
  const title = (text) => make("h2", { id: "troth-title", tabIndex: -1, textContent: text });
  const all = () => button(words.accept, () => choose("accept", asked.map((kind) => kind.letter)));
  const none = () => button(words.refuse, () => choose("refuse", []));
  const link = () => make("p", {}, make("a", { href: config.notice, textContent: words.notice }));
  const row = (...buttons) => make("div", { className: "troth-row" }, ...buttons);

  const open = (whole) => {
    if (!box) from = doc.activeElement;
    if (!whole) return show(title(words.title), make("p", { textContent: words.text }), make("ul", {}, ...asked.map((kind) => make("li", {}, make("strong", { textContent: kind.title }), " – " + kind.text))), link(), row(all(), none(), button(words.choose, () => open(true))));
    const boxes = [];
    const group = (kind) => {
      const tick = make("input", { type: "checkbox", value: kind.letter, checked: !asked.includes(kind) || allows(kind.letter), disabled: !asked.includes(kind) });
      if (asked.includes(kind)) boxes.push(tick);
      return make("fieldset", {}, make("label", {}, tick, make("strong", { textContent: kind.title }), " – " + kind.text), make("details", {}, make("summary", { textContent: words.which.replace("{title}", kind.title) }), make("ul", {}, ...kind.rows.map((one) => make("li", { textContent: one.told })))));
    };
    const groups = config.kinds.map(group);
    const held = choice && !choice.unsent && (choice.receipt || choice.proof && config.post.replace("record", "receipt/" + choice.proof));
    const more = held ? [make("p", {}, make("a", { href: held, textContent: words.receipt }))] : [];
    show(title(words.panel), ...(signal ? [make("p", { textContent: words.gpc })] : []), ...groups, link(), ...more, row(all(), none(), button(words.save, () => choose("choose", boxes.filter((one) => one.checked).map((one) => one.value)))));
  };

  choice = read();
  google("default");
  if (choice) google("update");
  const begin = () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(config.css);
    doc.adoptedStyleSheets = [...doc.adoptedStyleSheets, sheet];
    clean();
    look();
    new MutationObserver(look).observe(root, { childList: true, subtree: true });
    doc.addEventListener("click", (event) => {
      const way = event.target.closest && event.target.closest("[data-troth-open]");
      if (way) { event.preventDefault(); open(true); }
    });
    if (choice && choice.unsent) send("again");
    const changed = choice && asked.some((kind) => had(kind.letter, choice) && !known(kind));
    if (asked.length && (choice ? changed : !signal)) open();
    else back();
  };
  const ready = (act) => { if (doc.readyState === "loading") doc.addEventListener("DOMContentLoaded", act); else act(); };
  window.troth = { open: () => ready(() => open(true)), allows, choose: (names) => ready(() => choose("script", asked.filter((kind) => names.includes(kind.name)).map((kind) => kind.letter))) };
  ready(begin);
})(CONFIG);
