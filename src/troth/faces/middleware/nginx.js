// The gate in the headers for nginx (njs, js_header_filter), written by `troth banner nginx` from a policy.
// It does what the middleware for Python does, on each Set-Cookie; $troth_gate is "report" or "enforce".
var table = TABLE;
var AGO = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
var LIFETIME = /;[ \t]*(max-age|expires)[ \t]*(=[^;]*)?(?=;|$)/gi;

table.lines.forEach(function (line) {
    line.fits = new RegExp("^" + line.name.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*") + "$");
});

function lineOf(name) {
    for (var i = 0; i < table.lines.length; i++) {
        if (table.lines[i].fits.test(name)) { return table.lines[i]; }
    }
    return null;
}

function cookiesOf(header) {
    var found = {};
    (header || "").split(";").forEach(function (part) {
        var at = part.indexOf("=");
        var name = part.slice(0, at).trim();
        if (at >= 0 && !found.hasOwnProperty(name)) { found[name] = part.slice(at + 1).trim(); }
    });
    return found;
}

function chosen(cookies, now) {
    var written = /^1\.([0-9a-z]{1,8})\.([0-9a-z]{0,8})\.([pamn]{0,4})\.((?:[0-9a-f]{5}){0,200})\.([0-9A-Za-z]{0,32})(\.u(\.[pam]{1,3}\.[0-9A-Za-z]{1,32})?)?$/.exec(cookies[table.choice] || "");
    var nothing = { allowed: "", since: 0, why: "not_asked" };
    if (!written || !written[3] !== !written[2] || (written[5] && !written[3])) { return nothing; }
    var at = parseInt(written[1], 36), marks = written[4].match(/.{5}/g) || [], allowed = "";
    var changed = false, since = parseInt(written[2] || "0", 36);
    if (now < at - 86400 || now >= at + (written[3] ? table.given : table.refused)) {
        return { allowed: "", since: since, why: "asked_again" };
    }
    Object.keys(table.imprints).forEach(function (letter) {
        if (written[3].indexOf(letter) < 0) { return; }
        if (table.imprints[letter].every(function (one) { return marks.indexOf(one) >= 0; })) { allowed += letter; } else { changed = true; }
    });
    return { allowed: allowed, since: since, why: changed ? "asked_again" : "refused" };
}

function may(line, choice) {
    return line.exempt || choice.allowed.indexOf(line.letter) >= 0;
}

function asked(attributes, now) {
    var age = null, until = null;
    (attributes.match(LIFETIME) || []).forEach(function (one) {
        var value = one.slice(one.indexOf("=") + 1).trim();
        if (/^;[ \t]*max-age/i.test(one)) {
            if (one.indexOf("=") >= 0 && /^[+-]?[0-9]+$/.test(value)) { age = Math.max(parseInt(value, 10), 0); }
        } else {
            var read = Date.parse(value.replace(/-/g, " "));
            if (!isNaN(read)) { until = Math.floor(read / 1000); }
        }
    });
    if (age !== null) { return age; }
    return until === null ? null : Math.max(until - now, 0);
}

function lasting(raw, seconds) {
    return raw.replace(LIFETIME, "") + (seconds === null ? "" : "; Max-Age=" + seconds);
}

function ruled(raw, cookies, choice, now) {
    var cut = raw.indexOf(";"), pair = cut < 0 ? raw : raw.slice(0, cut), sign = pair.indexOf("=");
    var name = (sign < 0 ? pair : pair.slice(0, sign)).trim(), value = sign < 0 ? "" : pair.slice(sign + 1).trim();
    if (!name) { sign = value.indexOf("="); name = (sign < 0 ? value : value.slice(0, sign)).trim(); }
    var line = lineOf(name), seconds = asked(cut < 0 ? "" : raw.slice(cut), now);
    if (seconds !== null && seconds <= 0) { return [name, raw, ""]; }
    if (!line) { return [name, table.drop ? null : raw, "undeclared"]; }
    if (!may(line, choice)) { return [name, null, "dropped (" + choice.why + ")"]; }
    if (seconds === null) { return [name, raw, ""]; }
    if (line.seconds === null) { return [name, lasting(raw, null), "capped"]; }
    if (cookies.hasOwnProperty(name) && !line.sliding && name !== table.choice) {
        if (cookies[name] === value) { return [name, null, "not renewed"]; }
        var left = choice.since && !line.exempt ? choice.since + line.seconds - now : 0;
        if (left <= 0) { return [name, lasting(raw, null), "not renewed"]; }
        if (seconds > left) { return [name, lasting(raw, left), "not renewed"]; }
    }
    return seconds > line.seconds ? [name, lasting(raw, line.seconds), "capped"] : [name, raw, ""];
}

function deletions(name, path, host, secure) {
    var bound = /^__host-/i.test(name), paths = bound || path === "/" ? ["/"] : [path, "/"], domains = [""], all = [];
    var labels = host.replace(/:.*$/, "").toLowerCase().split(".");
    if (!bound && labels.length > 1 && !/^[0-9]+$/.test(labels[labels.length - 1]) && labels.every(function (one) { return one; })) {
        labels = labels.slice(-6);
        while (labels.length > 1) { domains.push(labels.join(".")); labels.shift(); }
    }
    paths.forEach(function (one) {
        domains.forEach(function (domain) { all.push(name + "=; Path=" + one + (domain ? "; Domain=" + domain : "") + AGO + (secure ? "; Secure" : "")); });
        if (secure) { all.push(name + "=; Path=" + one + AGO + "; Secure; SameSite=None; Partitioned"); }
    });
    return all;
}

function filter(r) {
    var set = r.headersOut["Set-Cookie"] || [], cookies = cookiesOf(r.headersIn["Cookie"]);
    var now = Math.floor(Date.now() / 1000), choice = chosen(cookies, now), passed = [], written = {}, done = [];
    (Array.isArray(set) ? set : [set]).forEach(function (raw) {
        var ruling = ruled(raw, cookies, choice, now);
        if (ruling[1] !== null) { passed.push(ruling[1]); written[ruling[0]] = true; }
        if (ruling[2]) { done.push(ruling[0] + ": " + ruling[2]); }
    });
    Object.keys(cookies).forEach(function (name) {
        var line = lineOf(name);
        if (!line || may(line, choice) || written[name]) { return; }
        passed = passed.concat(deletions(name, line.path, r.headersIn["Host"] || "", r.variables.scheme === "https"));
        done.push(name + ": deleted (" + choice.why + ")");
    });
    if (!done.length) { return; }
    if (r.variables.troth_gate === "enforce") { r.headersOut["Set-Cookie"] = passed; }
    else { r.warn("troth gate: " + done.join(", ")); }
}

export default { filter };
