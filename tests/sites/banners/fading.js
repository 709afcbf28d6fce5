asking(() => {
  const one = box(made("p", "We process your personal information to measure our audience."), made("button", "Accept", () => chose(true)), made("button", "Decline", () => chose(false)));
  one.style.opacity = 0;
  one.style.transition = "opacity .4s";
  document.body.append(one);
  setTimeout(() => { one.style.opacity = 1; }, 20);
});
