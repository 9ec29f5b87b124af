// Grids of dates × processors: moving by keyboard, tooltip, selection of cells.
"use strict";

// A grid is a table per month. Its columns are counted across the months; row 0 has the days.
const columnsOf = (grid) => [...grid.querySelectorAll("table")].flatMap((table) => [...table.rows[0].cells].map((_, n) => [table, n]));
const gridOf = (item) => item.closest?.("[data-grid]");
function placeOf(item, columns) {
  const cell = item.closest("td, th"), table = cell.closest("table");
  return [columns.findIndex(([of, n]) => of === table && n === cell.cellIndex), cell.parentNode.rowIndex];
}
// Headings that select cells: a day, a month, a processor.
const HEADS = "[data-selects] :is([data-day], [data-month], [data-code] > th)";
function stopAt([table, n], row) {
  const cell = table.rows[row].cells[n];
  return $("a.cell", cell) ?? (cell.matches(HEADS) ? cell : null);
}

// A grid is one Tab stop; arrow keys move between its cells and headings, across the months.
function focusIn(grid, item) {
  each("[tabindex='0']", grid, (other) => { if (!other.matches(".table-wrap")) other.setAttribute("tabindex", "-1"); });
  item.setAttribute("tabindex", "0");
  item.focus();
}

function nextStop(item, key) {
  const columns = columnsOf(gridOf(item));
  let [col, row] = placeOf(item, columns);
  if (key === KEYS.first || key === KEYS.last) {
    const stops = columns.map((column) => stopAt(column, row)).filter((stop) => stop?.matches("a, [data-day]"));
    return stops.at(key === KEYS.first ? 0 : -1);
  }
  const [right, down] = KEYS.moves[key];
  for (;;) {
    [col, row] = [col + right, row + down];
    if (!columns[col] || !columns[col][0].rows[row]) return null;
    if (stopAt(columns[col], row)) return stopAt(columns[col], row);
  }
}

// The selection is a set of "PSZA 2021-11-01", so that it survives a swap of its cells.
const picked = new Set();
let anchor = "", mode = false;
const keyOf = (cell) => `${cell.id.slice(5, -11)} ${cell.id.slice(-10)}`;
const cellOf = (key) => document.getElementById(`cell-${key.replace(" ", "-")}`);
const isPickable = (cell) => cell?.matches("[data-selects] [data-code] a.cell:not(.s-nogames)");
const pickable = (root = document) => [...root.querySelectorAll("[data-selects] [data-code] a.cell:not(.s-nogames)")];

// Cells of the rectangle between two cells.
function between(one, other) {
  const columns = columnsOf(gridOf(other)), [[a, b], [c, d]] = [placeOf(one, columns), placeOf(other, columns)];
  const within = (n, x, y) => n >= Math.min(x, y) && n <= Math.max(x, y);
  return columns.filter((_, col) => within(col, a, c)).flatMap(([table, n]) =>
    [...table.rows].filter((_, row) => within(row, b, d)).map((row) => $("a.cell", row.cells[n]))).filter(isPickable);
}

// Cells of a heading. A second press of a processor selects it in all months.
function cellsOfHead(head) {
  const table = head.closest("table");
  if (head.dataset.day) return pickable(table).filter((cell) => cell.id.endsWith(head.dataset.day));
  if (head.matches("[data-month]")) return pickable(table);
  const row = pickable(head.parentNode), code = head.parentNode.dataset.code;
  const isPicked = row.length === picked.size && row.every((cell) => picked.has(keyOf(cell)));
  return isPicked ? pickable(gridOf(head)).filter((cell) => keyOf(cell).startsWith(`${code} `)) : row;
}

function pick(cells, { adds = false, toggles = false } = {}) {
  const keys = cells.map(keyOf), removes = toggles && keys.every((key) => picked.has(key));
  if (!adds && !toggles) picked.clear();
  keys.forEach((key) => (removes ? picked.delete(key) : picked.add(key)));
  paint();
}

const DATES = (keys) => [...new Set(keys.map((key) => key.split(" ")[1]))].sort();
function described(keys) {
  const codes = [...document.querySelectorAll("[data-selects] [data-code]")].map((row) => row.dataset.code);
  const mine = [...new Set(codes)].filter((code) => keys.some((key) => key.startsWith(`${code} `)));
  const dates = DATES(keys).length, count = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
  return `${count(keys.length, "cell")}: ${count(dates, "date")}${keys.length === dates * mine.length ? " ×" : ","} ${mine.join(", ")}`;
}
function asText(keys) {
  const rows = {};
  keys.forEach((key) => { const [code, day] = key.split(" "); (rows[code] ??= []).push(day); });
  return Object.entries(rows).map(([code, days]) => `${code} ${days.sort().join(",")}`).join("; ");
}

// Show the selection on the cells and in the bar; repeated after every change of the grid.
function paint() {
  const bar = $("#cells-bar");
  if (!bar) return;
  [...picked].filter((key) => !cellOf(key)).forEach((key) => picked.delete(key)); // another season
  pickable().forEach((cell) => {
    const now = picked.has(keyOf(cell)), before = cell.parentNode.getAttribute("aria-selected") === "true";
    if (now && !before) cell.parentNode.setAttribute("aria-selected", "true");
    if (!now && before) cell.parentNode.removeAttribute("aria-selected");
  });
  const grid = $("[data-selects]"), button = $("#cells-mode");
  if (!$("[tabindex='0']:is(a, th)", grid)) $("a.cell", grid)?.setAttribute("tabindex", "0");
  if (button.getAttribute("aria-pressed") !== String(mode)) button.setAttribute("aria-pressed", String(mode));
  const text = asText([...picked]), input = $("[name='cells']", bar);
  if (bar.hidden === Boolean(text)) bar.hidden = !text;
  if (input.value === text) return;
  input.value = text;
  $("#cells-count").textContent = text ? described([...picked]) : "";
  $("#cells-actions").replaceChildren();
  if (text) htmx.trigger(bar, "cells");
}
function clear() {
  picked.clear();
  anchor = "";
  paint();
}
// No request without a selection; an answer about an earlier selection is dropped.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id === "cells-bar" && !picked.size) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const { elt, parameters } = event.detail.requestConfig ?? {};
  if (elt?.id === "cells-bar" && parameters.cells !== $("[name='cells']", elt).value) event.detail.shouldSwap = false;
});
let waiting = 0;
new MutationObserver((changes) => {
  if (!picked.size || waiting || !changes.some(({ target }) => target.closest?.("#content"))) return;
  waiting = requestAnimationFrame(() => { waiting = 0; paint(); });
}).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected", "tabindex"] });

// Mouse and touch: drag, Shift+click, Ctrl+click, long press. A plain click opens the cell.
let start = null, base = [], dragged = false, touch = false;
document.addEventListener("pointerdown", (event) => {
  dragged = false;
  touch = event.pointerType === "touch";
  const cell = event.target.closest("a.cell");
  if (touch || event.button || event.shiftKey || !isPickable(cell)) return;
  [start, base] = [keyOf(cell), event.ctrlKey || event.metaKey ? [...picked] : []];
});
document.addEventListener("pointermove", (event) => {
  if (!start) return;
  if (!event.buttons) { start = null; return; }
  const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest("a.cell"), from = cellOf(start);
  if (!from || !isPickable(cell) || (keyOf(cell) === start && !dragged)) return;
  dragged = true;
  anchor = start;
  gridOf(cell).classList.add("is-selecting");
  picked.clear();
  base.forEach((key) => picked.add(key));
  pick(between(from, cell), { adds: true });
});
["pointerup", "pointercancel"].forEach((name) => document.addEventListener(name, () => {
  start = null;
  $(".is-selecting")?.classList.remove("is-selecting");
}));
document.addEventListener("dragstart", (event) => { if (isPickable(event.target.closest?.("a.cell"))) event.preventDefault(); });
document.addEventListener("contextmenu", (event) => {
  const cell = event.target.closest("a.cell");
  if (!touch || !isPickable(cell)) return;
  event.preventDefault();
  mode = dragged = true; // the press that follows does not open the cell
  pick([cell], { toggles: true });
});
document.addEventListener("click", (event) => {
  if (event.target.closest("#cells-mode")) { mode = !mode; return paint(); }
  if (event.target.closest("#cells-clear")) { mode = false; return clear(); }
  const head = event.target.closest(HEADS), cell = event.target.closest("a.cell");
  const adds = event.ctrlKey || event.metaKey || mode;
  if (head) return pick(cellsOfHead(head), { toggles: adds });
  if (!isPickable(cell)) return;
  const from = event.shiftKey && (cellOf(anchor) ?? cell);
  if (!dragged && !from && !adds) return;
  event.preventDefault();
  if (dragged) { dragged = false; return; }
  if (from) pick(between(from, cell), { adds });
  else { anchor = keyOf(cell); pick([cell], { toggles: true }); }
}, true);

// Keyboard.
document.addEventListener("keydown", (event) => {
  const grid = gridOf(event.target), item = event.target.closest?.("a.cell, th");
  if (!KEYS) return;
  if (event.key === KEYS.clear) {
    tip.hidden = true;
    if (picked.size && !$("dialog[open]")) clear();
    return;
  }
  if (!grid || !item || event.altKey) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key !== KEYS.all || !grid.matches("[data-selects]")) return;
    event.preventDefault();
    return pick(pickable(grid));
  }
  if (KEYS.moves[event.key] || event.key === KEYS.first || event.key === KEYS.last) {
    event.preventDefault();
    const next = nextStop(item, event.key);
    if (!next) return;
    if (event.shiftKey && isPickable(item) && isPickable(next)) {
      if (!cellOf(anchor) || !picked.has(anchor)) anchor = keyOf(item);
      pick(between(cellOf(anchor), next));
    }
    return focusIn(grid, next);
  }
  const presses = event.key === KEYS.pick || (event.key === KEYS.open && item.matches("th"));
  if (!presses || !grid.matches("[data-selects]")) return;
  event.preventDefault();
  if (item.matches(HEADS)) pick(cellsOfHead(item), { toggles: event.shiftKey });
  else if (isPickable(item)) { anchor = keyOf(item); pick([item], { toggles: true }); }
});

// One tooltip shows the label of the cell under the pointer or with the focus.
const tip = document.createElement("div");
tip.className = "cell-tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true"); // the cell has the same text as its label
document.body.append(tip);
function showTip(event) {
  const cell = event.target.closest?.("a.cell[aria-label]");
  if (event.type === "focusin" && cell && !cell.matches(":focus-visible")) return;
  tip.hidden = !cell;
  if (!cell) return;
  tip.replaceChildren(...cell.getAttribute("aria-label").split("; ").map((text) => {
    const line = document.createElement("p");
    line.textContent = text;
    return line;
  }));
  const box = cell.getBoundingClientRect(), above = box.top - tip.offsetHeight - 6;
  tip.style.left = `${Math.max(4, Math.min(box.left, innerWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${above > 0 ? above : box.bottom + 6}px`;
}
["pointerover", "focusin"].forEach((name) => document.addEventListener(name, showTip));
document.addEventListener("scroll", () => { tip.hidden = true; }, true);
