// What HTML and htmx do not do by themselves: dialogs, copying, grids by keyboard, the age of what is shown, a lost connection.
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const each = (selector, root, act) => root.querySelectorAll(selector).forEach(act);

// Dialogs: a fragment that lands in #dialog opens it; one that is emptied closes it. Focus goes back to where it was.
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

// Read out by screen readers. A fragment says what is worth saying in data-announce on its root.
function announce(text) {
  const place = $("#announcer");
  if (place && place.textContent !== text) place.textContent = text;
}
document.addEventListener("htmx:afterSettle", (event) => {
  const said = event.detail.elt.dataset?.announce ?? event.detail.elt.querySelector?.("[data-announce]")?.dataset.announce;
  if (said) announce(said);
});

// Keys. Letters do nothing while somebody types.
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
  moveInGrid(event);
});

// A grid is one stop for Tab; arrows move between its cells, across the blocks of months as if they were one table.
function moveInGrid(event) {
  const cell = event.target.closest("[data-col]");
  const grid = cell?.closest("[data-grid]");
  if (!grid) return;
  const all = [...grid.querySelectorAll("[data-col]")];
  const at = (col, row) => all.find((c) => c.dataset.col === String(col) && c.dataset.row === String(row));
  const col = Number(cell.dataset.col), row = Number(cell.dataset.row);
  const move = KEYS.moves[event.key];
  const last = Math.max(...all.map((c) => Number(c.dataset.col)));
  const end = { [KEYS.first]: 0, [KEYS.last]: last }[event.key];
  const next = move ? at(col + move[0], row + move[1]) : end === undefined ? null : at(end, row);
  if (move || end !== undefined) event.preventDefault();
  if (!next) return;
  each("[data-col][tabindex='0']", grid, (c) => c.setAttribute("tabindex", "-1"));
  next.setAttribute("tabindex", "0");
  next.focus();
}

// How old what is shown is: counted here, from when the server answered, so that a stopped clock is seen.
let answered = Date.now();
setInterval(() => {
  each("[data-age]", document, (place) => {
    const seconds = Math.round((Date.now() - answered) / 1000);
    place.textContent = seconds < 2 ? "now" : `${seconds} s ago`;
    place.classList.toggle("old", seconds > 10);
  });
}, 1000);

// A lost connection shows as such and heals by itself, as polling goes on. Several failures in a row, not one.
let failed = 0;
function lost(event) {
  failed += 1;
  const banner = $("#lost");
  if (failed < 2 || !banner || !banner.hidden) return;
  $("[data-lost-since]", banner).textContent = new Date(answered).toLocaleTimeString();
  banner.hidden = false;
}
document.addEventListener("htmx:sendError", lost);
document.addEventListener("htmx:timeout", lost);
document.addEventListener("htmx:responseError", (event) => event.detail.xhr.status >= 500 && lost(event));
document.addEventListener("htmx:afterRequest", (event) => {
  const status = event.detail.xhr?.status ?? 0;
  if (status === 0 || status >= 500) return;
  if (failed) announce("Connection is back");
  failed = 0;
  answered = Date.now();
  if ($("#lost")) $("#lost").hidden = true;
});

// What somebody asked for and did not get is said once, whatever it was; the next answer takes it away.
const REFUSED = { 413: "it is too long", 414: "it is too long" };
function say(sentence) {
  const said = document.createElement("div");
  said.className = "alert alert-danger";
  said.setAttribute("role", "alert");
  said.textContent = sentence;
  $("#alerts")?.replaceChildren(said);
}
function unanswered(event) {
  if (!event.detail.requestConfig?.triggeringEvent) return; // the page asked by itself
  const status = event.detail.xhr?.status;
  const why = status ? `error ${status}${REFUSED[status] ? `, ${REFUSED[status]}` : ""}` : "no answer";
  say(`What you asked for has failed (${why}): what you see is from before. Nothing that you typed is lost; try it again.`);
}
["htmx:responseError", "htmx:sendError", "htmx:timeout"].forEach((name) => document.addEventListener(name, unanswered));
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (xhr.status === 401 && $("[data-logged-out]")) event.detail.shouldSwap = false; // once, however often the page asks
  const over = requestConfig?.triggeringEvent ? "#alerts .alert-danger" : "[data-logged-out]";
  if (xhr.status < 400) each(over, document, (alert) => alert.remove());
});

// Logging in again in another tab renews the token of forms: what is sent carries the one that holds now.
const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
document.addEventListener("htmx:configRequest", (event) => {
  if (!token()) return;
  event.detail.headers["x-csrftoken"] = token();
  if (event.detail.formData.has("csrfmiddlewaretoken")) event.detail.formData.set("csrfmiddlewaretoken", token());
});
document.addEventListener("submit", (event) => {
  const field = $("[name='csrfmiddlewaretoken']", event.target);
  if (field && token()) field.value = token();
});

// What was typed last is not in the preview yet, and nothing but what that shows may start.
let typed = 0, asked = 0;
const hold = () => { if (asked !== typed && $("#start-button")) $("#start-button").disabled = true; };
document.addEventListener("input", (event) => {
  if (!event.target.closest("#launch")) return;
  typed += 1;
  hold();
});
document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.elt.id === "launch") asked = typed; });
document.addEventListener("htmx:afterRequest", hold);

// Nothing that is pasted is cut off without a word.
document.addEventListener("paste", (event) => {
  const { target: field } = event, most = field.maxLength;
  const pasted = event.clipboardData?.getData("text") ?? "";
  if (!(most > 0)) return;
  const kept = field.value.length - (field.selectionEnd - field.selectionStart);
  if (kept + pasted.length > most) say(`This takes ${most} characters: the end of what you pasted is left out.`);
});

// A form that changes by itself (filters) need not have its button pressed; without this script the button does it.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form && !form.hasAttribute("hx-get")) form.requestSubmit();
});

// What scrolls sideways can be scrolled by keyboard: it becomes a stop for Tab, as long as it is too narrow.
function makeScrollable() {
  each(".table-wrap", document, (place) => {
    if (place.scrollWidth > place.clientWidth) place.setAttribute("tabindex", "0");
    else place.removeAttribute("tabindex");
  });
}
["DOMContentLoaded", "htmx:afterSettle"].forEach((name) => document.addEventListener(name, makeScrollable));
window.addEventListener("resize", makeScrollable);
