// Draws every figure of the page, and again after a swap or a change of theme.
"use strict";

(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Figures name colors by CSS variable ("--s-complete"), so that one figure fits light and dark.
  const colored = (value) => {
    if (typeof value === "string" && value.startsWith("--")) return css(value);
    if (Array.isArray(value)) return value.map(colored);
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, colored(v)]));
    return value;
  };

  function draw(place) {
    const figure = colored(JSON.parse(document.getElementById(place.dataset.chart).textContent));
    const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line"), automargin: true };
    const narrow = place.clientWidth < 600 ? { nticks: 7, tickangle: 0 } : {};
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 48, r: 12, t: 12, b: 40 }, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: css("--ink") },
      hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 }, ...figure.layout,
      xaxis: { ...axis, ...figure.layout?.xaxis, ...narrow }, yaxis: { ...axis, ...figure.layout?.yaxis },
    };
    window.Plotly.react(place, figure.data, layout, { displayModeBar: false, responsive: true });
    if (place.dataset.wired) return;
    place.dataset.wired = "yes";
    // The last item of a point's customdata is the URL of its page.
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
