/* Toasts, focus, announcements, copy, menus. Everything works without it but copying. */
(function () {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const words = () => byId("tp-toasts").dataset;
  const QUIET_OUTCOMES = ["accepted", "deduped"];
  const TONES = { accepted: "ok", deduped: "info", scope_busy: "warn", blocked: "bad", error: "bad" };
  const TOAST_MS = 8000;

  function say(text) {
    const region = byId("tp-announce");
    if (!region || !text) return;
    // The same text twice is read out only if the region was empty in between.
    region.textContent = "";
    setTimeout(() => { region.textContent = text.trim(); }, 50);
  }

  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  }

  /* detail: {outcome, text, detail?, href?, label?}. Text goes in as text, never as HTML. */
  function toast(detail) {
    const tone = TONES[detail.outcome] || "info";
    const node = element("div", "tp-toast tp-toast--" + tone);
    node.setAttribute("role", tone === "bad" || tone === "warn" ? "alert" : "status");
    const body = element("div", "tp-toast__body");
    body.append(element("p", "tp-toast__text", detail.text));
    if (detail.detail) body.append(element("p", "", detail.detail));
    if (detail.href && detail.label && detail.href.startsWith("/")) {
      const link = element("a", "", detail.label);
      link.href = detail.href;
      body.append(link);
    }
    const close = element("button", "tp-toast__close", "×");
    close.type = "button";
    close.setAttribute("aria-label", words().dismiss);
    close.addEventListener("click", () => node.remove());
    node.append(body, close);
    byId("tp-toasts").append(node);
    if (QUIET_OUTCOMES.includes(detail.outcome)) leaveLater(node);
  }

  function leaveLater(node) {
    let timer;
    const start = () => { clearTimeout(timer); timer = setTimeout(() => node.remove(), TOAST_MS); };
    const stop = () => clearTimeout(timer);
    node.addEventListener("mouseenter", stop);
    node.addEventListener("focusin", stop);
    node.addEventListener("mouseleave", start);
    node.addEventListener("focusout", start);
    start();
  }

  /* Several parts of a page may fail at once, and again at every poll: say it once. */
  function errorToast(text, href, label) {
    const shown = Array.from(document.querySelectorAll(".tp-toast__text")).some((p) => p.textContent === text);
    if (!shown) toast({ outcome: "error", text, href, label });
  }

  document.addEventListener("tp:toast", (event) => toast(event.detail));

  /* --- htmx ----------------------------------------------------------------------------------------------- */

  const isPoll = (node) => node && node.hasAttribute && node.hasAttribute("data-tp-poll");

  document.addEventListener("htmx:beforeRequest", (event) => {
    const node = event.detail.elt;
    if (isPoll(node) && (document.hidden || node.contains(document.activeElement))) event.preventDefault();
  });

  /* A swap must not take the element that holds the focus; it is made up for when the focus leaves. */
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const target = event.detail.target;
    if (!target.contains(document.activeElement)) return;
    event.preventDefault();
    const fresh = event.detail.fragment.firstElementChild || event.detail.fragment;
    if (!(fresh instanceof Element)) return;
    const copy = fresh.cloneNode(true);
    copy.removeAttribute("hx-swap-oob");
    target.addEventListener("focusout", () => setTimeout(() => {
      if (!target.isConnected || target.contains(document.activeElement)) return;
      target.replaceWith(copy);
      window.htmx.process(copy);
    }), { once: true });
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (target.id !== "outcome") return;
    const panel = target.querySelector("[data-tp-focus]");
    if (panel) panel.focus();
  });

  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status < 500) return;
    if (isPoll(event.detail.elt)) return;
    errorToast(words().broken, words().runsUrl, words().runsLabel);
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => errorToast(words().offline));
  }

  /* --- progress for screen readers: 25, 50, 75 % and the end, never every poll ------------------------------ */

  const heard = new Map();

  function hear(node, speak) {
    const quarter = Math.floor(Number(node.dataset.tpPercent || 0) / 25);
    const before = heard.get(node.dataset.tpRun);
    const now = { quarter, ended: !node.hasAttribute("data-tp-poll"), state: node.dataset.tpState };
    heard.set(node.dataset.tpRun, now);
    if (!speak || !before || before.ended) return;
    if (now.ended || quarter > before.quarter) say(node.dataset.tpSay);
  }

  document.querySelectorAll("[data-tp-run]").forEach((node) => hear(node, false));
  document.addEventListener("htmx:load", (event) => {
    const node = event.detail.elt;
    if (node.matches && node.matches("[data-tp-run]")) hear(node, true);
    // The button that was pressed is gone with what it stood in.
    if (node.matches && node.matches("[data-tp-refocus]") && document.activeElement === document.body) node.focus();
  });

  /* --- the tab of this page is in sight, also where the strip of tabs is wider than the phone ---------------- */

  const tab = document.querySelector(".tp-tabs [aria-current]");
  if (tab) {
    const strip = tab.closest("ul"), place = tab.getBoundingClientRect(), frame = strip.getBoundingClientRect();
    strip.scrollLeft += place.left - frame.left - (frame.width - place.width) / 2;
  }

  /* --- copy, menus ------------------------------------------------------------------------------------------ */

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.tpCopy);
    } catch (error) {
      // Clipboard access needs https or localhost; the older way works elsewhere.
      const field = element("textarea", "tp-sr");
      field.value = button.dataset.tpCopy;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.dataset.tpCopied = words().copied;
    say(words().copied);
    setTimeout(() => { delete button.dataset.tpCopied; }, 2000);
  }

  function toggle(button, open) {
    const panel = byId(button.dataset.tpToggle);
    const show = open === undefined ? button.getAttribute("aria-expanded") !== "true" : open;
    button.setAttribute("aria-expanded", String(show));
    panel.toggleAttribute("data-open", show);
  }

  document.addEventListener("click", (event) => {
    const copyButton = event.target.closest("[data-tp-copy]");
    if (copyButton) copy(copyButton);
    const toggler = event.target.closest("[data-tp-toggle]");
    if (toggler) toggle(toggler);
    document.querySelectorAll("details[data-tp-dismiss][open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  function closeOpened() {
    const menu = document.querySelector("details[data-tp-dismiss][open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
      return;
    }
    const toggler = document.querySelector("[data-tp-toggle][aria-expanded=true]");
    if (toggler) {
      toggle(toggler, false);
      toggler.focus();
      return;
    }
    const last = byId("tp-toasts").lastElementChild;
    if (last) last.remove();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeOpened();
  });

  /* A page that arrives with an answer or with form errors starts there. */
  const first = document.querySelector("main [data-tp-focus]");
  if (first) first.focus();
})();
