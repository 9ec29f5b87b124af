// Grids of dates × processors: moving by keyboard, tooltip.
"use strict";

// A grid is a table per month. Its columns are counted across the months; row 0 has the days.
const columnsOf = (grid) => [...grid.querySelectorAll("table")].flatMap((table) => [...table.rows[0].cells].map((_, n) => [table, n]));
function placeOf(item, columns) {
  const cell = item.closest("td, th"), table = cell.closest("table");
  return [columns.findIndex(([of, n]) => of === table && n === cell.cellIndex), cell.parentNode.rowIndex];
}
const stopAt = ([table, n], row) => $("a.cell", table.rows[row].cells[n]);

// A grid is one Tab stop; arrow keys move between its cells, across the months.
function focusIn(grid, item) {
  each("[tabindex='0']", grid, (other) => other.setAttribute("tabindex", "-1"));
  item.setAttribute("tabindex", "0");
  item.focus();
}

function nextStop(item, key) {
  const columns = columnsOf(item.closest("[data-grid]"));
  let [col, row] = placeOf(item, columns);
  const inRow = () => columns.filter((column) => stopAt(column, row)).map((column) => stopAt(column, row));
  if (key === KEYS.first) return inRow()[0];
  if (key === KEYS.last) return inRow().at(-1);
  const [right, down] = KEYS.moves[key];
  for (;;) {
    [col, row] = [col + right, row + down];
    if (!columns[col] || !columns[col][0].rows[row]) return null;
    if (stopAt(columns[col], row)) return stopAt(columns[col], row);
  }
}

document.addEventListener("keydown", (event) => {
  const grid = event.target.closest?.("[data-grid]");
  if (!KEYS || !grid || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!(KEYS.moves[event.key] || event.key === KEYS.first || event.key === KEYS.last)) return;
  event.preventDefault();
  const next = nextStop(event.target, event.key);
  if (next) focusIn(grid, next);
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
document.addEventListener("keydown", (event) => { if (event.key === KEYS?.clear) tip.hidden = true; });
