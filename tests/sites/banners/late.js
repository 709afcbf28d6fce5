setTimeout(() => asking(() => document.body.append(box(made("p", "We use cookies."), made("button", "Accept", () => chose(true)), made("button", "Reject", () => chose(false))))), 2000);
