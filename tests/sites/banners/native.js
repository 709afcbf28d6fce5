asking(() => {
  const dialog = document.createElement("dialog");
  dialog.className = "asks";
  dialog.append(made("p", "Cookies help us to see what is read."), made("a", "Yes, I accept", () => chose(true)), " ", made("a", "No, thanks", () => chose(false)));
  document.body.append(dialog);
  dialog.showModal();
});
