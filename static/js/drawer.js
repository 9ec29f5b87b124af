// Drawer: a link to a run opens in a panel beside the page. The link, its address and its page stay normal ones.
"use strict";

(() => {
  const RUN = /^\/runs\/\d+\/$/;
  const drawer = document.getElementById("drawer");
  const startsInDrawer = Boolean(history.state?.drawer); // reloaded as a whole page
  let opener = null, below = ""; // the link that opened it, and the address of the page

  async function show(url) {
    await htmx.ajax("GET", url, { target: "#drawer", swap: "innerHTML" });
    if (!drawer.open) drawer.showModal();
    drawer.scrollTop = 0;
    drawer.querySelector("[autofocus]")?.focus();
  }

  function hide() {
    if (drawer.open) drawer.close();
    drawer.replaceChildren();
    opener?.focus();
    opener = null;
  }

  // An answer to a part that the drawer no longer shows is dropped: its targets have gone too.
  drawer.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
    elt.addEventListener("htmx:beforeOnLoad", (event) => { if (!elt.isConnected) event.preventDefault(); }, { once: true });
  });

  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.defaultPrevented) return;
    const link = event.target.closest("a");
    const url = link?.getAttribute("href");
    if (!url || !RUN.test(url) || link.hasAttribute("data-whole-page") || link.target) return;
    event.preventDefault();
    if (!drawer.open) [opener, below] = [link, location.href];
    history.pushState({ drawer: url, depth: drawer.open ? (history.state?.depth ?? 0) + 1 : 1 }, "", url);
    show(url);
  });

  // Escape, the button and the backdrop go back to the page, so that its address returns too.
  drawer.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
  drawer.addEventListener("click", (event) => {
    if (event.target !== drawer && !event.target.closest("[data-close]")) return;
    event.preventDefault();
    event.stopPropagation();
    leave();
  });
  function leave() {
    const depth = history.state?.depth;
    if (depth) history.go(-depth);
    else hide();
  }

  // Before htmx, which would request the page below again.
  window.addEventListener("popstate", (event) => {
    const url = event.state?.drawer;
    if (startsInDrawer) return location.reload();
    if (url) {
      event.stopImmediatePropagation();
      show(url);
    } else if (drawer.open) {
      event.stopImmediatePropagation();
      hide();
      if (location.href !== below) location.reload();
    }
  });
})();
