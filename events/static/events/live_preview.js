// Shows, while a form is being filled in, what it comes to: the server answers with a fragment of a page.
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.querySelector("[data-live-preview]");
  const form = panel && panel.closest("form");
  if (!form) return;
  const shown = panel.querySelector("[data-shown]");
  let latest = 0;
  let waiting;

  const refresh = async () => {
    const mine = ++latest;
    const answer = await fetch(panel.dataset.livePreview, { method: "POST", body: new FormData(form) });
    const html = await answer.text();
    if (answer.ok && mine === latest) shown.innerHTML = html;
  };

  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 250);
  };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  refresh();
});
