const second = () => {
  document.querySelectorAll(".asks").forEach((one) => one.remove());
  const tick = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
  const label = made("label", " Advertising");
  label.prepend(tick);
  document.body.append(box(made("h2", "Cookie preferences"), label, made("button", "Save my choices", () => chose(tick.checked))));
};
asking(() => document.body.append(box(made("p", "We use cookies."), made("button", "I agree", () => chose(true)), made("button", "Cookie preferences", second))));
