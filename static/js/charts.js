// Draws every figure of the page, and again after a swap or a change of theme. Points open pages by click and by
// Enter; a range selected by drag, or by Shift with the arrow keys, filters the page.
"use strict";

(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const NARROW = 600;

  // Figures name colors by CSS variable ("--s-complete"), so that one figure fits light and dark.
  const colored = (value) => {
    if (typeof value === "string" && value.startsWith("--")) return css(value);
    if (Array.isArray(value)) return value.map(colored);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, colored(v)]));
    return value;
  };

  function draw(place) {
    const figure = colored(JSON.parse(document.getElementById(place.dataset.chart).textContent));
    const axis = { gridcolor: css("--line"), zerolinecolor: css("--ink-soft"), linecolor: css("--line"), automargin: true, fixedrange: true };
    const isNarrow = place.clientWidth < NARROW;
    const xs = figure.data.flatMap((trace) => (trace.meta === "points" ? trace.x : []));
    const ticks = Math.max(...xs) - Math.min(...xs) < (isNarrow ? 7 : 26) ? { dtick: 1 } : { nticks: isNarrow ? 7 : 26 };
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 48, r: 12, t: 12, b: 40 }, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--ink") },
      hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") }, align: "left" },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, ...figure.layout,
      // A drag over a narrow chart scrolls the page; its range is typed into the filters.
      dragmode: place.dataset.brush && !isNarrow ? "select" : false, selectdirection: "h",
      xaxis: { ...axis, zeroline: false, ...ticks, tickangle: 0, ...figure.layout?.xaxis }, yaxis: { ...axis, ...figure.layout?.yaxis, ...(isNarrow ? { title: { text: "" } } : {}) },
    };
    place.points = figure.data
      .flatMap((trace, curveNumber) => (trace.meta === "points" ? trace.x.map((x, pointNumber) => ({ x, curveNumber, pointNumber, data: trace.customdata[pointNumber] })) : []))
      .filter((point) => point.data)
      .sort((a, b) => a.x - b.x || a.curveNumber - b.curveNumber);
    window.Plotly.react(place, figure.data, layout, { displayModeBar: false, responsive: true });
    if (place.dataset.wired) return;
    place.dataset.wired = "yes";
    place.on("plotly_click", (event) => open(event.points[0]?.customdata));
    place.on("plotly_selected", (event) => event?.range?.x && filter(place, ...event.range.x));
    place.addEventListener("keydown", (event) => move(place, event));
    place.addEventListener("blur", () => window.Plotly.Fx.unhover(place));
  }

  const open = (data) => data?.[1]?.startsWith("/") && window.location.assign(data[1]);

  // Filter the page by the points between two places on the x axis; a range without points filters nothing.
  function filter(place, from, to) {
    const inside = place.points.map((point) => point.x).filter((x) => x >= Math.min(from, to) && x <= Math.max(from, to));
    if (!inside.length) return;
    const [first, last] = [inside[0], inside.at(-1)];
    window.location.assign(`${place.dataset.brushUrl}&${place.dataset.brush}=${first === last ? first : `${first}-${last}`}`);
  }

  const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -Infinity, End: Infinity };
  function move(place, event) {
    const { points } = place;
    if (!points.length || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") {
      event.preventDefault();
      if (place.anchor !== undefined && place.anchor !== place.at) return filter(place, points[place.anchor].x, points[place.at].x);
      return open(points[place.at]?.data);
    }
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const before = place.at ?? (step > 0 ? -1 : points.length);
    place.anchor = event.shiftKey ? (place.anchor ?? Math.max(0, before)) : undefined;
    place.at = Math.min(points.length - 1, Math.max(0, before + step));
    const { curveNumber, pointNumber, data, x } = points[place.at];
    window.Plotly.Fx.hover(place, [{ curveNumber, pointNumber }]);
    const range = place.anchor === undefined ? "" : `. Range ${points[place.anchor].x} to ${x}, Enter filters`;
    announce(data[0].replaceAll("<br>", ". ") + range);
  }

  const drawAll = (root) => root.querySelectorAll?.("[data-chart]").forEach(draw);
  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("htmx:afterSwap", (event) => drawAll(event.detail.target));
  document.addEventListener("theme", () => drawAll(document));
})();
