asking(() => document.body.append(box(made("p", "Wir verwenden Cookies."), made("button", "Alle akzeptieren", () => chose(true)), made("button", "Alle ablehnen", () => chose(false)))));
