/* Says two minutes before the session ends that it does, and keeps what was typed. Without it nothing is said. */
(function () {
  "use strict";

  const facts = document.getElementById("tp-session");
  if (!facts || !facts.dataset.url) return;
  const words = facts.dataset;
  const WARN_MS = 120000;
  const LOOK_MS = 5000;
  let ends = Date.now() + Number(words.left) * 1000;
  let shown = "";
  let panel = null;

  /* Tabs share one session: whoever renews it tells the others. */
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("tp-session") : null;
  if (tabs) tabs.addEventListener("message", (event) => lasts(event.data));

  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  }

  function hide() {
    if (panel) panel.remove();
    panel = null;
    shown = "";
  }

  function show(kind, tone, text, action) {
    if (shown === kind) return;
    hide();
    shown = kind;
    panel = element("div", "tp-toast tp-toast--" + tone);
    panel.setAttribute("role", "alert");
    const body = element("div", "tp-toast__body");
    const way = element("div", "tp-steps");
    way.append(action);
    body.append(element("p", "tp-toast__text", text), element("p", "", words.keep), way);
    panel.append(body);
    document.getElementById("tp-toasts").append(panel);
  }

  function stayButton() {
    const button = element("button", "tp-btn", words.stay);
    button.type = "button";
    button.addEventListener("click", () => ask("POST"));
    return button;
  }

  function signInLink() {
    const link = element("a", "", words.again);
    link.href = words.signIn;
    link.target = "_blank";
    link.rel = "noopener";
    return link;
  }

  const tokens = () => document.querySelectorAll("input[name=csrfmiddlewaretoken]");

  /* Signing in again makes a new CSRF token; forms that are open get it and keep what was typed. */
  function lasts(state) {
    if (String(state.person) !== words.person) {
      show("other", "bad", words.other, element("span"));
      return;
    }
    ends = Date.now() + state.left * 1000;
    tokens().forEach((input) => { input.value = state.csrfToken; });
    if (ends - Date.now() > WARN_MS) hide();
  }

  async function ask(method) {
    const first = tokens()[0];
    const headers = method === "POST" && first ? { "X-CSRFToken": first.value } : {};
    let answer;
    try {
      answer = await fetch(words.url, { method, headers, credentials: "same-origin", cache: "no-store" });
    } catch (error) {
      return;
    }
    if (answer.status === 401 || answer.status === 403) {
      ends = Math.min(ends, Date.now());
      look();
      return;
    }
    if (!answer.ok) return;
    const state = await answer.json();
    lasts(state);
    if (tabs) tabs.postMessage(state);
  }

  function look() {
    if (shown === "other") return;
    const left = ends - Date.now();
    if (left <= 0) show("ended", "bad", words.ended, signInLink());
    else if (left <= WARN_MS) show("soon", "warn", words.soon, stayButton());
  }

  /* Timers sleep with the machine and with hidden tabs: the clock is asked again when the page is looked at. */
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    if (shown) ask("GET");
    look();
  });
  setInterval(look, LOOK_MS);
  look();
})();
