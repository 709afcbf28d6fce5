document.getElementById("again").remove();
