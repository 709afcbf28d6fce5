// Runs in every frame, apart from the page's own scripts: finds the dialog that asks about
// cookies, presses its buttons, finds the way back, and lists what is stored.  WORDS are lists of
// phrases by meaning, in many languages.
(() => {
  "use strict";
  const words = WORDS, nodesMax = 40000, labelMax = 60;
  const plain = (text) => (text || "").toLowerCase().normalize("NFC").replace(/[’`´]/g, "'").replace(/[^\p{L}\p{N}'& ]+/gu, " ").replace(/\s+/g, " ").trim();
  const lists = Object.fromEntries(Object.entries(words).map(([name, all]) => [name, all.map(plain)]));
  const says = (text, phrase) => text === phrase || (" " + text + " ").includes(" " + phrase + " ");
  const about = (text) => lists.about.some((word) => text.includes(word));
  const up = (one) => one.parentElement || (one.getRootNode() instanceof ShadowRoot ? one.getRootNode().host : null);
  const isTop = window === window.parent;

  const every = () => {
    const found = [], roots = [document];
    while (roots.length && found.length < nodesMax) {
      for (const one of roots.pop().querySelectorAll("*")) {
        if (found.length >= nodesMax) break;
        found.push(one);
        if (one.shadowRoot) roots.push(one.shadowRoot);
      }
    }
    return found;
  };
  const shown = (one) => {
    const box = one.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) return false;
    return one.checkVisibility ? one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) : true;
  };
  const label = (one) => {
    const text = plain(one.innerText || one.value || "");
    return text || plain(one.getAttribute("aria-label") || one.title || "");
  };
  const pressable = (one) => {
    const tag = one.tagName, role = one.getAttribute("role");
    if (tag === "BUTTON" || tag === "A" || tag === "SUMMARY" || role === "button" || role === "link" || one.hasAttribute("onclick")) return true;
    if (tag === "INPUT") return /^(button|submit|image)$/.test(one.type);
    return !one.firstElementChild && /^(DIV|SPAN|P|LI|LABEL|B|STRONG)$/.test(tag) && getComputedStyle(one).cursor === "pointer" || tag.includes("-") && one.tabIndex >= 0;
  };
  // A no is looked for first: "continue without accepting" holds the words of a yes.
  const order = ["refuse", "withdraw", "settings", "save", "accept"];
  const means = (text) => {
    if (!text || text.length > labelMax) return null;
    const exact = order.find((kind) => lists[kind].includes(text));
    return exact || order.find((kind) => lists[kind].some((phrase) => phrase.includes(" ") ? says(text, phrase) : text.split(" ").length < 4 && says(text, phrase))) || null;
  };
  const buttons = (all) => all.filter((one) => pressable(one) && !one.disabled).map((one) => ({ one, text: label(one) })).map((told) => ({ ...told, kind: means(told.text) })).filter((told) => told.kind && shown(told.one));

  const named = /cookie|consent|gdpr|rgpd|dsgvo|cmp\b|privacy|traceur|tracking|banner/i;
  const score = (box) => {
    const role = box.getAttribute("role"), style = getComputedStyle(box);
    let points = 0;
    if (role === "dialog" || role === "alertdialog" || box.tagName === "DIALOG" || box.getAttribute("aria-modal") === "true") points += 3;
    if (/fixed|sticky/.test(style.position)) points += 2;
    else if (style.position === "absolute" && Number(style.zIndex) > 1) points += 1;
    if (named.test(box.id + " " + box.className + " " + (box.getAttribute("aria-label") || "") + " " + box.tagName)) points += 2;
    if (box === document.body && !isTop) points += 3;
    return points;
  };
  const text = (box) => plain((box.innerText || "").slice(0, 8000) || (box.shadowRoot ? [...box.shadowRoot.children].map((one) => one.innerText || "").join(" ").slice(0, 8000) : ""));
  // The nearest thing around a button that looks like a dialog and speaks of cookies.
  const boxOf = (button) => {
    let best = null;
    for (let box = up(button.one), far = 0; box && far < 25; box = up(box), far += 1) {
      if (isTop && (box === document.body || box === document.documentElement)) break;
      const points = score(box);
      if (!points) continue;
      const read = text(box);
      if (read.length < 15 || read.length > 7900 && points < 3 || !about(read)) continue;
      if (!best || points > best.points) best = { box, points };
      if (points >= 5) break;
    }
    return best;
  };
  const dialog = () => {
    const own = document.getElementById("troth-choices");
    if (own && shown(own)) {
      const [accept, refuse, last] = own.querySelectorAll(".troth-row > button");
      if (last) return { own: true, points: 99, box: own, has: { accept: [accept], refuse: [refuse], [own.querySelector("fieldset") ? "save" : "settings"]: [last] } };
    }
    const boxes = new Map();
    for (const button of buttons(every())) {
      const around = boxOf(button);
      if (!around) continue;
      const known = boxes.get(around.box) || { own: false, points: around.points, box: around.box, has: {} };
      const kind = button.kind === "withdraw" ? "settings" : button.kind;
      (known.has[kind] = known.has[kind] || []).push(button.one);
      boxes.set(around.box, known);
    }
    for (const known of boxes.values()) {
      known.points += (known.has.accept ? 2 : 0) + (known.has.refuse ? 2 : 0) + (known.has.settings ? 1 : 0) + (known.has.save ? 2 : 0);
      if (!known.has.accept && !known.has.refuse && !known.has.save) known.points = 0;
    }
    return [...boxes.values()].sort((one, other) => other.points - one.points).find((known) => known.points >= 4) || null;
  };
  const told = (one) => (one.innerText || one.value || one.getAttribute("aria-label") || "").trim().slice(0, labelMax);
  const press = (one) => {
    const box = one.getBoundingClientRect(), at = { bubbles: true, cancelable: true, composed: true, view: window, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
    for (const [Kind, type] of [[PointerEvent, "pointerdown"], [MouseEvent, "mousedown"], [PointerEvent, "pointerup"], [MouseEvent, "mouseup"]]) one.dispatchEvent(new Kind(type, at));
    one.click();
    return told(one) || "?";
  };

  globalThis.troth = {
    find: () => { const found = dialog(); return found && { points: found.points, own: found.own, has: Object.fromEntries(Object.entries(found.has).map(([kind, all]) => [kind, told(all[0])])) }; },
    press: (kind) => { const found = dialog(); return found && found.has[kind] ? press(found.has[kind][0]) : null; },
    // Every choice that is ticked and can be taken back, in the dialog or the panel that opened.
    untick: () => {
      const found = dialog();
      if (!found) return 0;
      const ticked = every().filter((one) => found.box.contains(one) || up(one) && one.getRootNode() !== document)
        .filter((one) => one.tagName === "INPUT" && one.type === "checkbox" ? one.checked && !one.disabled : /switch|checkbox/.test(one.getAttribute("role") || "") && one.getAttribute("aria-checked") === "true" && one.getAttribute("aria-disabled") !== "true");
      ticked.slice(0, 200).forEach((one) => one.click());
      return ticked.length;
    },
    reopen: () => {
      const own = document.querySelector("[data-troth-open], #troth-again button");
      if (own) return press(own);
      const all = every(), found = buttons(all).filter((one) => one.kind === "withdraw" || one.kind === "settings" && about(one.text));
      if (found.length) return press(found[0].one);
      const leaves = (one) => one.tagName === "A" && one.href && !/^(#|javascript:|$)/i.test(one.getAttribute("href") || "");
      const called = (one) => [one.id, one.className, one.getAttribute("aria-label"), one.title].join(" ");
      const small = all.find((one) => pressable(one) && !leaves(one) && /cookie|consent|revoke/i.test(called(one)) && shown(one));
      return small ? press(small) : null;
    },
    keys: () => {
      // Cookies are written in the background; reading them waits for what was written before.
      try { void document.cookie.length; } catch { /* a frame without an origin has none */ }
      const of = (store) => { try { return Object.keys(store()).slice(0, 500).map((key) => key.slice(0, 300)); } catch { return []; } };
      return { origin: self.origin, local_storage: of(() => localStorage), session_storage: of(() => sessionStorage) };
    },
    links: () => [...document.querySelectorAll("a[href], area[href]")].slice(0, 2000).map((one) => one.href).filter((href) => typeof href === "string" && /^https?:/.test(href)).map((href) => href.slice(0, 2000)),
  };
})();
