// Mirevisite, held back until statistics are accepted: tells visits apart, 13 months from the first.
if (!document.cookie.includes("mrv_id_7=")) document.cookie = "mrv_id_7=GS1.1.17; Path=/; SameSite=Lax; Max-Age=" + 395 * 86400;
