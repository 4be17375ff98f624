// Draws each table of measurements with uPlot. The table is the source: both always say the same.
"use strict";
for (const place of document.querySelectorAll(".graph")) {
  const rows = [...document.getElementById(place.dataset.table).tBodies[0].rows];
  const number = (cell) => cell.dataset.value === "" ? null : Number(cell.dataset.value);
  const days = rows.map((row) => Date.parse(row.cells[0].firstElementChild.dateTime) / 1000);
  const success = rows.map((row) => number(row.cells[1]));
  const lag = rows.map((row) => { const seconds = number(row.cells[2]); return seconds === null ? null : seconds / 60; });
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--soft"), line = style.getPropertyValue("--line");
  const lang = document.documentElement.lang;
  const axis = {stroke: ink, grid: {stroke: line, width: 1}, ticks: {stroke: line, width: 1}};
  place.hidden = false;
  const width = () => place.clientWidth - 24;
  const least = Math.min(0.95, ...success.filter((value) => value !== null));
  const plot = new uPlot({
    width: width(), height: 220, tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), "UTC"),
    scales: {success: {range: [least - 0.01, 1]}, lag: {range: (_, low, high) => [0, Math.max(high || 0, 60)]}},
    axes: [{...axis, values: (_, stamps) => stamps.map((stamp) => new Intl.DateTimeFormat(lang, {month: "short", day: "numeric", timeZone: "UTC"}).format(stamp * 1000))},
      {...axis, scale: "success", size: 64, values: (_, values) => values.map((value) => (value * 100).toFixed(1) + "%")},
      {...axis, scale: "lag", side: 1, size: 56, grid: {show: false}}],
    series: [{label: place.dataset.day, value: (_, stamp) => stamp === null ? "" : new Intl.DateTimeFormat(lang, {dateStyle: "medium", timeZone: "UTC"}).format(stamp * 1000)},
      {label: place.dataset.success, scale: "success", stroke: style.getPropertyValue("--ok-bar"), width: 2, value: (_, value) => value === null ? "–" : (value * 100).toFixed(2) + "%"},
      {label: place.dataset.lag, scale: "lag", stroke: style.getPropertyValue("--info-bar"), width: 2, dash: [6, 4], value: (_, value) => value === null ? "–" : value.toFixed(0)}],
  }, [days, success, lag], place);
  addEventListener("resize", () => plot.setSize({width: width(), height: 220}));
}
