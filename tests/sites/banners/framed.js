const from = "";
addEventListener("message", (event) => { if (event.data === "yes" || event.data === "no") chose(event.data === "yes"); });
asking(() => {
  const frame = Object.assign(document.createElement("iframe"), { src: from + "/asks.html", title: "Privacy", className: "asks" });
  frame.style.cssText = "position:fixed;inset:auto 0 0;width:100%;height:180px;background:#fff;border:0;border-top:1px solid;z-index:9";
  document.body.append(frame);
});
