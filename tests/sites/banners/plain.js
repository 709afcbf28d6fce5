asking(() => document.body.append(box(made("p", "We use cookies to see what is read."), made("button", "Accept all", () => chose(true)), made("button", "Reject all", () => chose(false)))));
