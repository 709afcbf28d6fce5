asking(() => {
  const host = document.createElement("consent-host");
  host.className = "asks";
  host.attachShadow({ mode: "open" }).append(box(made("p", "We use cookies."), made("button", "Accept all", () => chose(true)), made("button", "Decline", () => chose(false))));
  document.body.append(host);
});
