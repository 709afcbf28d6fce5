// What a visitor set, held back until that is accepted.
if (!document.cookie.includes("vb_prefs=")) document.cookie = "vb_prefs=" + document.documentElement.lang + "; Path=/; SameSite=Lax; Max-Age=" + 180 * 86400;
