// What every one of these sites does with a choice, and the parts that they ask with.
const choice = () => (document.cookie.match(/(?:^|; )choice=(yes|no)/) || [])[1];
const write = (name, value, days) => { document.cookie = `${name}=${value}; path=/; max-age=${days * 86400}`; };

function chose(yes) {
  write("choice", yes ? "yes" : "no", 182);
  if (yes) write("wanted", "1", 90);
  else document.cookie = "wanted=; path=/; max-age=0";
  document.querySelectorAll(".asks").forEach((one) => one.remove());
}

function made(tag, text, onclick) {
  const one = document.createElement(tag);
  one.textContent = text;
  if (onclick) one.addEventListener("click", (event) => { event.preventDefault(); onclick(); });
  if (tag === "a") one.href = "#";
  return one;
}

function box(...parts) {
  const one = document.createElement("div");
  one.className = "asks";
  one.style.cssText = "position:fixed;bottom:0;left:0;right:0;background:#fff;padding:1em;border-top:1px solid;z-index:9";
  one.append(...parts);
  return one;
}

// Ask now unless something was chosen, and again by the link below the page.
function asking(ask) {
  document.getElementById("again").addEventListener("click", (event) => { event.preventDefault(); ask(); });
  if (!choice()) ask();
}
