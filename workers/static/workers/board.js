// The dashboard fetches itself anew every few seconds. The chart stays where it is and takes the new numbers:
// drawn again each time it would flicker, and the browser would keep every old one.
"use strict";

addEventListener("htmx:afterSettle", () => {
  const canvas = document.querySelector("#runs-chart canvas");
  const numbers = document.getElementById("runs-now");
  const chart = canvas && Chart.getChart(canvas);
  if (chart && numbers) {
    chart.data.datasets[0].data = JSON.parse(numbers.textContent);
    chart.update("none");
  }
});

// What is shown must not pass for what is: say so when the site does not answer, or asks to log in again.
const sayStale = () => document.getElementById("stale")?.classList.remove("hidden");

for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  addEventListener(failure, sayStale);
}
addEventListener("htmx:beforeSwap", (event) => {
  if (event.target.id === "board" && !event.detail.serverResponse.includes('id="board"')) {
    event.detail.shouldSwap = false;
    sayStale();
  }
});
