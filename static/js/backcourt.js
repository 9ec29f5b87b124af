// Additions to HTML and htmx: dialogs, copying, age of the data, connection banner.
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const each = (selector, root, act) => root.querySelectorAll(selector).forEach(act);

// A fragment in #dialog opens it; an empty #dialog closes. The browser restores the focus.
document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = $("#dialog");
  if (event.detail.target !== dialog) return;
  if (dialog.innerHTML.trim() && !dialog.open) dialog.showModal();
  else if (!dialog.innerHTML.trim() && dialog.open) dialog.close();
});

document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest(selector);
  if (on("[data-close]")) on("dialog").close();
  if (event.target.matches("dialog")) event.target.close(); // its backdrop
  if (on("[data-keys-help]")) $("#keys").showModal();
  const toggle = on("[data-toggle]");
  if (toggle) toggle.setAttribute("aria-expanded", String($(toggle.dataset.toggle).classList.toggle("open")));
  const copy = on("[data-copy]");
  if (copy) copyText(copy);
});

async function copyText(button) {
  const source = $(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  announce("Copied");
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1500);
}

// Announcements for screen readers: data-announce on a fragment's root.
function announce(text) {
  const place = $("#announcer");
  if (place && place.textContent !== text) place.textContent = text;
}
document.addEventListener("htmx:afterSettle", (event) => {
  const message = event.detail.elt.dataset?.announce ?? event.detail.elt.querySelector?.("[data-announce]")?.dataset.announce;
  if (message) announce(message);
});

// Shortcuts, inactive while the user types in a field.
const KEYS = JSON.parse($("#keys-table")?.textContent ?? "null");
let wentAt = 0;
document.addEventListener("keydown", (event) => {
  if (!KEYS || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  if (event.key === KEYS.help) return $("#keys").showModal();
  if (event.key === KEYS.search && $("[data-search]")) {
    event.preventDefault();
    return $("[data-search]").focus();
  }
  if (wentAt && Date.now() - wentAt < 1500) {
    const link = $(`.nav-list a[data-key="${CSS.escape(event.key)}"]`);
    wentAt = 0;
    if (link) return link.click();
  }
  if (event.key === KEYS.go) wentAt = Date.now();
  const turn = KEYS.turn[event.key];
  if (turn && $(`[data-turn="${turn}"]`)) return $(`[data-turn="${turn}"]`).click();
});

// Age of the data, counted in the browser since the last response, so that it grows when polling stops.
let answered = Date.now();
setInterval(() => {
  each("[data-age]", document, (place) => {
    const seconds = Math.round((Date.now() - answered) / 1000);
    place.textContent = seconds < 2 ? "now" : `${seconds} s ago`;
    place.classList.toggle("stale", seconds > 10);
  });
}, 1000);

// The banner appears after two failed requests in a row and disappears with the next response.
const clock = (time) => new Date(time).toISOString().slice(11, 16); // UTC, 24 h
let failed = 0;
function lost() {
  failed += 1;
  const banner = $("#lost");
  if (failed < 2 || !banner || !banner.hidden) return;
  $("[data-lost-since]", banner).textContent = clock(answered);
  banner.hidden = false;
}
document.addEventListener("htmx:sendError", lost);
document.addEventListener("htmx:timeout", lost);
document.addEventListener("htmx:responseError", (event) => event.detail.xhr.status >= 500 && lost());
document.addEventListener("live:lost", lost);
function found(status) {
  if (status === 0 || status >= 500) return;
  if (failed) announce("Connection restored");
  failed = 0;
  answered = Date.now();
  if ($("#lost")) $("#lost").hidden = true;
}
document.addEventListener("htmx:afterRequest", (event) => found(event.detail.xhr?.status ?? 0));

// A poll without a session shows one alert; the next poll with one removes it.
document.addEventListener("live:answer", ({ detail }) => {
  found(detail.status);
  if (detail.status === 401 && !$("[data-logged-out]")) $("#alerts").innerHTML = detail.html;
  if (detail.status < 400) each("[data-logged-out]", document, (alert) => alert.remove());
});

// A failed user request shows one alert; the next successful response removes it.
const REFUSED = { 413: "request too long", 414: "request too long" };
function showAlert(message) {
  const alert = document.createElement("div");
  alert.className = "alert alert-danger";
  alert.setAttribute("role", "alert");
  alert.textContent = message;
  $("#alerts")?.replaceChildren(alert);
}
function unanswered(event) {
  if (!event.detail.requestConfig?.triggeringEvent) return; // polling
  const status = event.detail.xhr?.status;
  const reason = status ? `error ${status}${REFUSED[status] ? `, ${REFUSED[status]}` : ""}` : "no answer";
  showAlert(`Request failed (${reason}). The page shows earlier data. Your input is kept; try again.`);
}
["htmx:responseError", "htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, unanswered));
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (xhr.status === 401 && $("[data-logged-out]")) event.detail.shouldSwap = false; // polling repeats the response
  const over = requestConfig?.triggeringEvent ? "#alerts .alert-danger" : "[data-logged-out]";
  if (xhr.status < 400) each(over, document, (alert) => alert.remove());
});

// A login in another tab renews the CSRF token, so every request sends the current one.
const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
document.addEventListener("htmx:configRequest", (event) => {
  if (!token()) return;
  event.detail.headers["x-csrftoken"] = token();
  if (event.detail.formData.has("csrfmiddlewaretoken")) event.detail.formData.set("csrfmiddlewaretoken", token());
});
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || !token()) return;
  let field = $("[name='csrfmiddlewaretoken']", event.target);
  if (!field) { // a form that came with a poll
    field = Object.assign(document.createElement("input"), { type: "hidden", name: "csrfmiddlewaretoken" });
    event.target.append(field);
  }
  field.value = token();
});

// Start stays disabled until the preview shows the latest input.
let typed = 0, asked = 0;
const hold = () => { if (asked !== typed && $("#start-button")) $("#start-button").disabled = true; };
document.addEventListener("input", (event) => {
  if (!event.target.closest("#launch")) return;
  typed += 1;
  hold();
});
document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.elt.id === "launch") asked = typed; });
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt.id === "launch" && $("#start-button")) $("#start-button").disabled = asked !== typed;
});

// maxlength truncates pasted text silently; show an alert.
document.addEventListener("paste", (event) => {
  const { target: field } = event, most = field.maxLength;
  const pasted = event.clipboardData?.getData("text") ?? "";
  if (!(most > 0)) return;
  const kept = field.value.length - (field.selectionEnd - field.selectionStart);
  if (kept + pasted.length > most) showAlert(`The limit is ${most} characters. The end of the pasted text was removed.`);
});

// Filters apply on change; their button is for browsers without scripts.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form && !form.hasAttribute("hx-get")) form.requestSubmit();
});

// A table that scrolls sideways becomes a Tab stop, so that the keyboard can scroll it.
function makeScrollable() {
  each(".table-wrap", document, (place) => {
    if (place.scrollWidth > place.clientWidth) place.setAttribute("tabindex", "0");
    else place.removeAttribute("tabindex");
  });
}
["DOMContentLoaded", "htmx:afterSettle"].forEach((name) => document.addEventListener(name, makeScrollable));

// On narrow screens each row of these tables is a list, with the column headings as labels.
function labelCells() {
  each("table.stacks", document, (table) => {
    const headings = [...table.querySelectorAll("thead th")].map((heading) => heading.textContent.trim());
    each("tbody tr", table, (row) => [...row.cells].forEach((cell, n) => {
      if (cell.tagName === "TD" && cell.colSpan === 1) cell.dataset.label = headings[n] ?? "";
    }));
  });
}
["DOMContentLoaded", "htmx:afterSettle"].forEach((name) => document.addEventListener(name, labelCells));
window.addEventListener("resize", makeScrollable);
