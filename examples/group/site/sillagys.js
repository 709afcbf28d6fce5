// Sillagys, held back until marketing is accepted: links visits to a campaign, 390 days from the first.
if (!document.cookie.includes("slg_visitor_9=")) document.cookie = "slg_visitor_9=c12; Path=/; SameSite=Lax; Max-Age=" + 390 * 86400;
