// Keeps the page current: polls its own URL, and morphs the parts that have changed into the page.
"use strict";

(() => {
  const EVERY = 1000, HIDDEN = 1500, REFUSED = 5000, RETRY = 1000, TIMEOUT = 2500; // milliseconds
  const CELLS = "template[data-cells]";
  let ticket = "", timer = 0, request = null;

  // A drawer changes the address, but not the page below it.
  let page = "";
  const url = () => {
    if (!page || !document.querySelector("#drawer[open]")) page = location.pathname + location.search;
    return document.body.dataset.liveUrl || page;
  };
  const seen = () => [...document.querySelectorAll("[data-live]")].map((part) => `${part.id}:${part.dataset.live}`).join(" ");
  const report = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

  async function poll() {
    if (request) return;
    clearTimeout(timer);
    const asked = url(), current = request = new AbortController();
    const limit = setTimeout(() => current.abort(), TIMEOUT);
    let wait = document.hidden ? HIDDEN : EVERY;
    try {
      const headers = { "X-Live": seen(), "X-Live-Ticket": ticket };
      const answer = await fetch(asked, { headers, signal: current.signal, cache: "no-store", redirect: "manual" });
      const html = await answer.text();
      if (answer.status >= 500) throw new Error(answer.status);
      ticket = answer.headers.get("X-Live-Ticket") ?? ticket;
      report("live:answer", { status: answer.status, html });
      if (answer.status === 200 && asked === url()) swap(html);
      if (answer.status >= 400) wait = REFUSED;
    } catch {
      wait = RETRY;
      report("live:lost");
    } finally {
      clearTimeout(limit);
      request = null;
      timer = setTimeout(poll, wait * (0.9 + 0.2 * Math.random())); // so that pages do not poll together
    }
  }

  function swap(html) {
    const found = document.createElement("template");
    found.innerHTML = html;
    const selected = selection();
    for (const part of [...found.content.children]) {
      const place = document.getElementById(part.matches(CELLS) ? part.dataset.cells : part.id);
      if (!place) continue;
      if (part.matches(CELLS)) {
        for (const cell of [...part.content.children]) morph(document.getElementById(cell.id), cell);
        place.dataset.live = part.dataset.digest;
      } else if (part.tagName === "TITLE") {
        document.title = part.textContent;
        place.dataset.live = part.dataset.live;
      } else if (part.dataset.reload !== undefined) {
        reload();
      } else {
        morph(place, part);
        if (part.id === "job-state") document.querySelectorAll("#alerts [role='status']").forEach((past) => past.remove());
        const shown = document.getElementById(part.id);
        window.htmx.process(shown);
        if (part.dataset.fetch) window.htmx.ajax("GET", part.dataset.fetch, { target: part.dataset.into, swap: "outerHTML" });
        window.htmx.trigger(shown, "htmx:afterSwap", { target: shown, elt: shown });
        window.htmx.trigger(shown, "htmx:afterSettle", { target: shown, elt: shown });
      }
    }
    restore(selected);
  }

  // A page whose parts are others than before is loaded again, but not over the user's input.
  function reload() {
    const busy = document.querySelector("dialog[open]") || [...document.querySelectorAll("main input, main textarea, main select")].some(isTyped);
    if (!busy) window.location.reload();
  }

  // Input, open sections and what scripts have set stay as the user left them.
  const isTyped = (node) =>
    node.matches?.("input, textarea") && (node.value !== node.defaultValue || node.checked !== node.defaultChecked) ||
    node.tagName === "SELECT" && [...node.options].some((option) => option.selected !== option.defaultSelected);
  const KEPT = { DETAILS: ["open"], DIALOG: ["open"] };
  const OWN = ["aria-selected", "data-label"];
  const callbacks = {
    beforeNodeMorphed: (old) => !(old.nodeType === 1 && (old.matches("[data-keep], [data-chart], [data-figure], dialog[open]") || isTyped(old))),
    beforeNodeRemoved: (old) => !(old.nodeType === 1 && old.matches("[name='csrfmiddlewaretoken']")),
    beforeAttributeUpdated: (name, old) =>
      !(OWN.includes(name) || KEPT[old.tagName]?.includes(name) || (name === "tabindex" && old.matches("[data-grid] *, .table-wrap"))),
  };
  const morph = (old, part) => old && window.Idiomorph.morph(old, part, { morphStyle: "outerHTML", ignoreActiveValue: true, callbacks });

  // A changed text node loses its selection.
  function selection() {
    const now = getSelection();
    return now?.isCollapsed ? null : [now.anchorNode, now.anchorOffset, now.focusNode, now.focusOffset];
  }
  function restore(selected) {
    if (!selected || !selected[0]?.isConnected || !selected[2]?.isConnected) return;
    const within = (node, offset) => Math.min(offset, node.nodeType === 3 ? node.length : node.childNodes.length);
    const [anchor, from, focus, to] = selected;
    getSelection().setBaseAndExtent(anchor, within(anchor, from), focus, within(focus, to));
  }

  const now = () => { if (!document.hidden && document.querySelector("[data-live]")) poll(); };
  document.addEventListener("visibilitychange", now);
  window.addEventListener("pageshow", (event) => event.persisted && now());
  window.addEventListener("online", now);
  window.addEventListener("pagehide", () => request?.abort());
  document.addEventListener("DOMContentLoaded", () => { if (document.querySelector("[data-live]")) timer = setTimeout(poll, EVERY); });
})();
