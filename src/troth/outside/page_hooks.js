// Runs in every frame before anything else: tells what scripts store, with the script's stack.
// BINDING is a function that Troth alone hears; it is taken out of the page's sight at once.
(() => {
  "use strict";
  const tell = globalThis["BINDING"];
  try { delete globalThis["BINDING"]; } catch { /* it stays, and is no use to the page */ }
  if (typeof tell !== "function" || typeof document === "undefined") return;
  const write = JSON.stringify, now = Date.now, counts = new Map(), text = String, limit = 8;
  let left = 600;
  const top = () => { const all = location.ancestorOrigins; return all && all.length ? all[all.length - 1] : self.origin; };
  const say = (kind, name, more) => {
    try {
      const key = kind + " " + name.slice(0, 80), times = (counts.get(key) || 0) + 1;
      if (times > limit || left <= 0) return;
      counts.set(key, times);
      left -= 1;
      const before = Error.stackTraceLimit;
      Error.stackTraceLimit = 12;
      const stack = new Error().stack;
      Error.stackTraceLimit = before;
      tell(write({ kind, name: name.slice(0, 300), at: now(), page: location.href.slice(0, 2000), origin: self.origin, top: top(), stack: typeof stack === "string" ? stack.slice(0, 3000) : "", ...more }));
    } catch { /* whatever a page has broken, it goes on */ }
  };
  const wrap = (owner, name, before) => {
    const had = owner && owner.prototype && Object.getOwnPropertyDescriptor(owner.prototype, name);
    if (!had || typeof had.value !== "function") return;
    const was = had.value;
    const wrapped = { [name](...given) { try { before(this, given); } catch { /* as above */ } return was.apply(this, given); } }[name];
    Object.defineProperty(owner.prototype, name, { ...had, value: wrapped });
  };

  const cookie = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
  if (cookie && cookie.set) {
    Object.defineProperty(Document.prototype, "cookie", {
      ...cookie,
      set(value) {
        const line = text(value);
        say("cookie", line.split(";")[0].split("=")[0].trim(), { line: line.slice(0, 5000) });
        return cookie.set.call(this, value);
      },
    });
  }
  wrap(globalThis.CookieStore, "set", (_, [first, second]) => {
    const told = typeof first === "object" && first ? first : { name: first, value: second };
    const until = told.expires == null ? null : Number(told.expires), age = told.maxAge == null ? null : Number(told.maxAge);
    const seconds = age !== null ? age : until === null ? null : (until - now()) / 1000;
    const line = text(told.name) + "=" + text(told.value) + (told.domain ? "; Domain=" + told.domain : "") + (told.path ? "; Path=" + told.path : "") + (told.partitioned ? "; Partitioned" : "") + (seconds === null ? "" : "; Max-Age=" + Math.round(seconds));
    say("cookie", text(told.name), { line: line.slice(0, 5000) });
  });
  const area = (store) => { try { return store === sessionStorage ? "session_storage" : "local_storage"; } catch { return "local_storage"; } };
  wrap(globalThis.Storage, "setItem", (store, [key]) => say(area(store), text(key), {}));
  wrap(globalThis.IDBFactory, "open", (_, [name]) => say("indexed_db", text(name), {}));
  wrap(globalThis.CacheStorage, "open", (_, [name]) => say("other", text(name), {}));

  // A dialog in a closed shadow root is one that people see, and that a scan must see too.
  const attach = Object.getOwnPropertyDescriptor(Element.prototype, "attachShadow");
  if (attach) {
    const was = attach.value;
    Object.defineProperty(Element.prototype, "attachShadow", { ...attach, value: { attachShadow(options) { return was.call(this, options && options.mode === "closed" ? { ...options, mode: "open" } : options); } }.attachShadow });
  }
  // Nobody is there to answer.
  globalThis.alert = () => undefined;
  globalThis.confirm = () => false;
  globalThis.prompt = () => null;
  globalThis.print = () => undefined;
  if ("SIGNAL" === "true") Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true, configurable: true, enumerable: true });
})();
