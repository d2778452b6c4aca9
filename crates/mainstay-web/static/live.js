// Keeps the page up to date: when something changed, the page is fetched anew and every region marked
// `data-live` that differs is exchanged. Without this script the pages work all the same, only not live.
"use strict";
(() => {
  const gap = 1500; // At most one fetch in this many milliseconds.
  const idle = 60000; // Relative times grow old; nothing else would renew them.
  const light = document.querySelector(".live");
  let latest = 0, waiting = null, source = null;
  // What the server last said of each region: the page itself differs from it, by local times and opened details.
  const said = new Map([...document.querySelectorAll("[data-live][id]")].map((one) => [one.id, one.innerHTML]));

  const say = (on, words) => {
    if (!light) return;
    light.hidden = false;
    light.classList.toggle("on", on);
    light.textContent = words;
  };

  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) time.title = `${time.dataset.utc}\n${at.toLocaleString()} here`;
    }
  };

  const exchange = (old, fresh) => {
    const states = new Map([...old.querySelectorAll("[data-key]")].map((one) => [one.dataset.key, one.dataset.state]));
    const open = new Set([...old.querySelectorAll("details[open][id]")].map((one) => one.id));
    const focus = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceChildren(...fresh.childNodes);
    for (const id of open) old.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    for (const one of old.querySelectorAll("[data-key]")) {
      if (states.get(one.dataset.key) !== one.dataset.state) one.classList.add("changed");
    }
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
    localTimes(old);
  };

  const refresh = async () => {
    waiting = null;
    latest = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.title = page.title;
      for (const fresh of page.querySelectorAll("[data-live][id]")) {
        const old = document.getElementById(fresh.id);
        const now = fresh.innerHTML;
        if (old && said.get(fresh.id) !== now) exchange(old, fresh);
        said.set(fresh.id, now);
      }
    } catch {
      say(false, "Not live");
    }
  };

  const soon = () => {
    if (document.hidden) { latest = 0; return; }
    waiting ??= setTimeout(refresh, Math.max(0, latest + gap - Date.now()));
  };

  const listen = () => {
    source = new EventSource("/events");
    source.addEventListener("open", () => say(true, "Live"));
    source.addEventListener("change", soon);
    source.addEventListener("error", () => say(false, "Not live, trying again"));
  };

  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) { listen(); soon(); } });
  setInterval(soon, idle);
  localTimes(document);
  listen();
})();
