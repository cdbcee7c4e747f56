// Shows, while a form is being filled in, what it comes to: the server answers with a fragment of a page.
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.querySelector("[data-live-preview]");
  const form = panel && panel.closest("form");
  if (!form) return;
  const shown = panel.querySelector("[data-shown]");
  const stale = document.createElement("p");
  stale.textContent = "These may be out of date: the server did not answer.";
  stale.hidden = true;
  shown.before(stale);
  let latest = 0;
  let waiting;

  const ask = async () => {
    const answer = await fetch(panel.dataset.livePreview, { method: "POST", body: new FormData(form) });
    return answer.ok ? answer.text() : null;
  };

  const refresh = async () => {
    const mine = ++latest;
    const html = await ask().catch(() => null);
    if (mine !== latest) return;
    stale.hidden = html !== null;
    if (html !== null) shown.innerHTML = html;
  };

  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 250);
  };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  refresh();
});
