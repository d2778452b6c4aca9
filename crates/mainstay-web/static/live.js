// Keeps the page up to date: when something changed, the page is fetched anew and every region marked
// `data-live` that differs is exchanged. Without this script the pages work all the same, only not live.
"use strict";
(() => {
  const gap = 2000; // At most one fetch in this many milliseconds.
  const idle = 60000; // Relative times grow old; without a change nothing else would renew them.
  const later = 30000; // The browser gives up on a server that refuses; we ask again after this.
  const light = document.querySelector(".live");
  let source = null, latest = Date.now(), waiting = 0, ageing = 0, retrying = 0;
  let busy = false, again = false, stale = false;
  // What the server last said of each region: the page itself differs from it, by local times and opened details.
  const said = new Map([...document.querySelectorAll("[data-live][id]")].map((one) => [one.id, one.innerHTML]));

  const standing = () => {
    if (stale) return [false, "Not up to date, trying again"];
    if (source?.readyState === EventSource.OPEN) return [true, "Live"];
    if (source?.readyState === EventSource.CLOSED) return [false, "Not live, renewed every minute"];
    return [false, "Not live, trying again"];
  };

  const say = () => {
    const [on, words] = standing();
    if (!light) return;
    light.hidden = false;
    light.classList.toggle("on", on);
    if (light.textContent !== words) light.textContent = words;
  };

  const localTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (!Number.isNaN(at.getTime())) time.title = `${time.dataset.utc}\n${at.toLocaleString()} here`;
    }
  };

  // As the server says it: 45 s, 12 min, 2 h 10 min.
  const inWords = (seconds) => {
    const minutes = Math.floor(seconds / 60), hours = Math.floor(seconds / 3600);
    if (seconds < 120) return `${Math.max(0, seconds)} s`;
    if (minutes < 60) return `${minutes} min`;
    return hours < 10 && minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  };

  const countDown = () => {
    for (const one of document.querySelectorAll("[data-until]")) {
      const words = inWords(Math.floor((Date.parse(one.dataset.until) - Date.now()) / 1000));
      if (one.textContent !== words) one.textContent = words;
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

  const renew = async () => {
    const wanted = { headers: { accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(later) };
    const answer = await fetch(location.href, wanted);
    if (!answer.ok) throw new Error(`the page was answered with ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = page.title;
    for (const fresh of page.querySelectorAll("[data-live][id]")) {
      const old = document.getElementById(fresh.id);
      const now = fresh.innerHTML;
      if (old && said.get(fresh.id) !== now) exchange(old, fresh);
      said.set(fresh.id, now);
    }
  };

  const refresh = async () => {
    waiting = 0;
    busy = true;
    stale = await renew().then(() => false, () => true);
    busy = false;
    latest = Date.now();
    say();
    age();
    if (again) { again = false; soon(); }
  };

  const soon = () => {
    if (document.hidden) return;
    if (busy) again = true;
    else waiting ||= setTimeout(refresh, Math.max(0, latest + gap - Date.now()));
  };

  const age = () => {
    clearTimeout(ageing);
    ageing = setTimeout(soon, idle);
  };

  // Browsers allow six connections to a server, so a page that nobody sees must not hold one.
  const rest = () => {
    for (const timer of [waiting, ageing, retrying]) clearTimeout(timer);
    waiting = 0;
    source?.close();
    source = null;
  };

  const listen = () => {
    rest();
    age();
    source = new EventSource("/events");
    source.addEventListener("open", say);
    source.addEventListener("change", soon);
    source.addEventListener("error", () => {
      say();
      // It goes on trying by itself, but not after a refusal.
      if (source?.readyState === EventSource.CLOSED) retrying = setTimeout(listen, later);
    });
  };

  const wake = () => { listen(); soon(); };

  document.addEventListener("visibilitychange", () => { if (document.hidden) rest(); else wake(); });
  addEventListener("pagehide", rest);
  addEventListener("pageshow", (event) => { if (event.persisted && !document.hidden) wake(); });
  localTimes(document);
  setInterval(countDown, 1000);
  if (!document.hidden) listen();
})();
