// A third party's tag on the shop's pages: what it writes is the shop's, and it also calls home.
document.cookie = "_ga=GA1.1.1; path=/; max-age=" + 1522 * 86400;
document.cookie = "_gcl_au=1.1.1; path=/; max-age=" + 90 * 86400;
fetch("{third}/collect?page=" + encodeURIComponent(location.pathname), { credentials: "omit" }).then((one) => one.text());
