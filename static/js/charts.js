// Draws every figure that the page carries, again when a fragment brings a new one, and in the colours of the theme.
"use strict";

(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // A figure names colours by the stylesheet's variables ("--s-complete"), so that light and dark are one figure.
  const coloured = (value) => {
    if (typeof value === "string" && value.startsWith("--")) return css(value);
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v)]));
    return value;
  };

  function draw(place) {
    const figure = coloured(JSON.parse(document.getElementById(place.dataset.chart).textContent));
    const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line"), automargin: true };
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 48, r: 12, t: 12, b: 40 }, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--ink") },
      hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, ...figure.layout,
      xaxis: { ...axis, ...figure.layout?.xaxis }, yaxis: { ...axis, ...figure.layout?.yaxis },
    };
    window.Plotly.react(place, figure.data, layout, { displayModeBar: false, responsive: true });
    if (place.dataset.wired) return;
    place.dataset.wired = "yes";
    // A point's customdata ends with the page that it stands for.
    place.on("plotly_click", (event) => {
      const url = event.points[0]?.customdata?.at?.(-1);
      if (typeof url === "string" && url.startsWith("/")) window.location.assign(url);
    });
  }

  const drawAll = (root) => root.querySelectorAll?.("[data-chart]").forEach(draw);
  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("htmx:afterSwap", (event) => drawAll(event.detail.target));
  document.addEventListener("theme", () => drawAll(document));
})();
