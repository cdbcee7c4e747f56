// Shows, while a trigger is being entered, what it says in words and the next times it fires.
document.addEventListener("DOMContentLoaded", () => {
  const panel = document.getElementById("next-fires");
  const form = document.getElementById("scheduledjob_form");
  if (!panel || !form) return;
  const shown = document.getElementById("next-fires-shown");
  let latest = 0;
  let waiting;

  const refresh = async () => {
    const mine = ++latest;
    const answer = await fetch(panel.dataset.url, { method: "POST", body: new FormData(form) });
    const html = await answer.text();
    if (answer.ok && mine === latest) shown.innerHTML = html;
  };

  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 250);
  });
  refresh();
});
