// Two small comforts; the page is complete without them: times in the reader's own zone, and word of a stale copy.
"use strict";
for (const element of document.querySelectorAll("main time[datetime*='T']")) {
  const at = new Date(element.dateTime);
  const local = new Intl.DateTimeFormat(document.documentElement.lang, {year: "numeric", month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short"}).format(at);
  element.title = element.textContent.trim();
  element.firstChild.textContent = local + " ";
}
const stale = document.querySelector("[data-heartbeat]");
if (stale) {
  fetch(stale.dataset.heartbeat, {cache: "no-store"}).then((answer) => answer.json()).then((heartbeat) => {
    const proofs = Object.values(heartbeat.components).filter(Boolean).map((text) => new Date(text));
    const last = new Date(Math.min(...proofs));
    if (proofs.length && Date.now() - last > stale.dataset.limit * 1000) {
      const time = stale.querySelector("time");
      time.dateTime = last.toISOString();
      time.textContent = last.toLocaleString(document.documentElement.lang, {dateStyle: "long", timeStyle: "long"});
      stale.hidden = false;
    }
  }).catch(() => {});
}
