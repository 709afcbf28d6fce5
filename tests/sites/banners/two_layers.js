const second = () => {
  document.querySelectorAll(".asks").forEach((one) => one.remove());
  document.body.append(box(made("h2", "Your privacy choices"), made("button", "Reject all", () => chose(false)), made("button", "Accept all", () => chose(true))));
};
asking(() => document.body.append(box(made("p", "We value your privacy. We and our partners use cookies."), made("button", "Accept all", () => chose(true)), made("button", "Manage options", second))));
