// What a browser with scripts has besides: a file dropped anywhere on its field is chosen, and sent at once.
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
})();
