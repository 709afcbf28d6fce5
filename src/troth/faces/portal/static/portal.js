// What a browser with scripts has besides: a file dropped anywhere on its field is chosen, and sent at once; a button
// that is pressed twice sends its form once.
(function () {
  "use strict";
  document.querySelectorAll("form[data-drop]").forEach(function (form) {
    var field = form.querySelector("input[type=file]");
    var stop = function (event) { event.preventDefault(); };
    var over = function (event) { stop(event); form.classList.add("over"); };
    var out = function (event) { stop(event); form.classList.remove("over"); };
    form.classList.add("drop");
    form.addEventListener("dragenter", over);
    form.addEventListener("dragover", over);
    form.addEventListener("dragleave", out);
    form.addEventListener("drop", function (event) {
      out(event);
      if (event.dataTransfer.files.length !== 1) return;
      field.files = event.dataTransfer.files;
      form.requestSubmit();
    });
  });
  // A form is sent once, however often its button is pressed in a hurry; one that gives a file can be sent for another.
  var free = function (form) { delete form.dataset.sent; };
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if ("file" in form.dataset) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(function () { free(form); }, 2000);
  });
  addEventListener("pageshow", function () { document.querySelectorAll("form[data-sent]").forEach(free); });
})();
