/* The bar over a list with check boxes: how many are chosen, all of this page, none. Without it the bar always stands. */
(function () {
  "use strict";

  const bar = document.querySelector("[data-tp-selection]");
  if (!bar) return;
  const count = bar.querySelector("[role=status]");
  const boxes = () => Array.from(document.querySelectorAll("[data-tp-pick]"));
  const every = document.querySelector("[data-tp-pick-all]");

  function others() { return bar.querySelectorAll("input[name=tenant]").length; }

  function draw() {
    const chosen = boxes().filter((box) => box.checked).length;
    const all = chosen + others();
    const words = all ? bar.dataset.tpSome.replace("%(n)s", all.toLocaleString(document.documentElement.lang)) : bar.dataset.tpNone;
    if (count.textContent !== words) count.textContent = words;
    bar.classList.toggle("tp-selection--none", all === 0);
    bar.querySelectorAll("button").forEach((button) => { button.disabled = all === 0; });
    if (!every) return;
    every.checked = chosen > 0 && chosen === boxes().length;
    every.indeterminate = chosen > 0 && chosen < boxes().length;
  }

  document.addEventListener("change", (event) => {
    if (event.target === every) boxes().forEach((box) => { box.checked = every.checked; });
    if (event.target === every || event.target.matches("[data-tp-pick]")) draw();
  });

  bar.querySelector("[data-tp-clear]").addEventListener("click", (event) => {
    // After "Select all" the address says so, and leaving it is what clears.
    if (others()) return;
    event.preventDefault();
    boxes().forEach((box) => { box.checked = false; });
    draw();
    const first = document.querySelector("main tbody th a[href]");
    if (first) first.focus();
  });

  window.addEventListener("pageshow", draw);
  draw();
})();
