/* Shortcuts of one or two keys. They can be switched off, and never fire in fields or with a modifier (WCAG 2.1.4). */
(function () {
  "use strict";

  const dialog = document.getElementById("tp-keys");
  if (!dialog) return;
  const OFF = "tp-keys-off";
  const box = document.getElementById("tp-keys-on");
  const GO = { d: "dashboard", t: "tenants", o: "operations" };
  let afterG = 0;

  function isOff() {
    try { return localStorage.getItem(OFF) === "1"; } catch (error) { return false; }
  }

  function keep(off) {
    // Where nothing may be stored, the switch holds for this page.
    try { if (off) localStorage.setItem(OFF, "1"); else localStorage.removeItem(OFF); } catch (error) { return; }
  }

  function show() {
    if (!dialog.open) dialog.showModal();
  }

  function search() {
    const visible = (field) => field.getClientRects().length > 0;
    const field = Array.from(document.querySelectorAll("main [data-tp-search], [data-tp-search-all]")).sort(
      (a, b) => Number(b.hasAttribute("data-tp-search")) - Number(a.hasAttribute("data-tp-search"))).find(visible);
    if (!field) { location.assign(dialog.dataset.search); return; }
    field.focus();
    field.select();
  }

  function row(step) {
    // Those of a table that is folded up can't have the focus.
    const links = Array.from(document.querySelectorAll("main tbody th a[href]")).filter((link) => link.checkVisibility());
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
    links[next].focus();
  }

  /* Selects the row in which the focus is, and leaves it there. */
  function pick() {
    const box = document.activeElement.closest("tr")?.querySelector("[data-tp-pick]");
    if (box) box.click();
  }

  const ACTS = { "/": search, x: pick, "?": show, j: () => row(1), k: () => row(-1) };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialog.open || !box.checked) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const pending = Date.now() - afterG < 1500;
    afterG = 0;
    if (pending && GO[event.key]) {
      event.preventDefault();
      location.assign(dialog.dataset[GO[event.key]]);
    } else if (event.key === "g") {
      afterG = Date.now();
    } else if (ACTS[event.key]) {
      event.preventDefault();
      ACTS[event.key]();
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-tp-keys]")) show();
  });

  box.checked = !isOff();
  box.addEventListener("change", () => keep(!box.checked));
})();
