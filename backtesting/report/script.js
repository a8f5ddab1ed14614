"use strict";
// Reads values off the pictures: under the pointer, or with the arrow keys on a picture that has the focus.
(() => {
  const series = JSON.parse(document.getElementById("series").textContent);
  const plots = [...document.querySelectorAll("svg.plot")];
  if (!series.x.length || !plots.length) return;
  const names = [["price", "price"], ["position", "position"], ["equity", "equity"], ["drawdown", "drawdown"],
    ["wear", "cost, bps"], ["funding", "funding"], ["fees", "fees"]];
  const readout = document.createElement("p");
  readout.className = "readout";
  readout.setAttribute("role", "status");
  readout.hidden = true;
  plots[0].closest("section").append(readout);
  const cursors = plots.map((plot) => plot.querySelector(".cursor"));
  let at = series.x.length - 1;

  const show = (index) => {
    at = Math.max(0, Math.min(series.x.length - 1, index));
    const x = `${series.x[at] / 10}%`;
    for (const cursor of cursors) {
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      cursor.classList.add("on");
    }
    readout.replaceChildren();
    const moment = document.createElement("span");
    moment.textContent = new Date(series.t[at]).toISOString().slice(0, 19).replace("T", " ");
    readout.append(moment);
    for (const [key, words] of names) {
      const value = series[key][at];
      if (value === null) continue;
      const each = document.createElement("span");
      const strong = document.createElement("b");
      strong.textContent = value.toLocaleString("en", { maximumSignificantDigits: 7 }).replace("-", "\u2212");
      each.append(`${words} `, strong);
      readout.append(each, " ");
    }
    readout.hidden = false;
  };
  const hide = () => {
    readout.hidden = true;
    for (const cursor of cursors) cursor.classList.remove("on");
  };
  const nearest = (x) => {
    let low = 0;
    let high = series.x.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (series.x[middle] < x) low = middle + 1;
      else high = middle;
    }
    return low && x - series.x[low - 1] < series.x[low] - x ? low - 1 : low;
  };

  for (const plot of plots) {
    plot.setAttribute("tabindex", "0");
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      show(nearest(((event.clientX - box.left) / box.width) * 1000));
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("focus", () => { if (plot.matches(":focus-visible")) show(at); });
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const far = Math.max(1, Math.round(series.x.length / 20));
      const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - far, PageDown: at + far,
        Home: 0, End: series.x.length - 1 };
      if (event.key === "Escape") hide();
      if (!(event.key in moves)) return;
      event.preventDefault();
      show(moves[event.key]);
    });
  }
})();
