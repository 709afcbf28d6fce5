asking(() => document.body.append(box(
  made("a", "Continuer sans accepter", () => chose(false)), made("p", "Avec votre accord, nous utilisons des cookies pour mesurer l’audience."),
  made("button", "Paramétrer"), made("button", "Tout accepter", () => chose(true))
)));
