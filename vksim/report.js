"use strict";
// The lives of pods: a search, a list, and one pod's life in order. Data comes with the page; nothing is asked for.
(() => {
  const data = JSON.parse(document.getElementById("lives").textContent);
  const search = document.getElementById("pod-search");
  const list = document.getElementById("pod-list");
  const life = document.getElementById("pod-life");
  const MOST = 40;

  const clock = (seconds) => {
    if (seconds === null) return "";
    const whole = Math.floor(seconds), rest = (seconds - whole).toFixed(3).slice(1);
    const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return parts.map((part) => String(part).padStart(2, "0")).join(":") + rest;
  };
  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  const steps = (pod) => [
    ["created", pod.created, ""],
    ["taken up by the scheduler", pod.taken, ""],
    ["bound to a node", pod.scheduled, pod.node],
    ["asked of the provider", pod.asked, pod.tries > 1 ? `${pod.tries} times` : ""],
    ["accepted by the cloud", pod.accepted, ""],
    ["containers started", pod.started, ""],
    ["Running in the API", pod.running, ""],
    ["over", pod.ended, pod.phase],
    ["gone", pod.deleted, ""],
  ].filter(([, at]) => at !== null).sort((one, other) => one[1] - other[1]);

  const show = (pod) => {
    life.replaceChildren(element("h3", pod.name));
    const notes = [pod.phase, pod.node ? `on ${pod.node}` : "without a node", ...pod.reasons, pod.waiting];
    life.append(element("p", notes.filter(Boolean).join(", "), "faint"));
    const all = steps(pod), first = all[0][1], last = Math.max(all[all.length - 1][1], first + 0.001);
    const table = element("table");
    all.forEach(([what, at, note], number) => {
      const row = element("tr");
      row.append(element("td", clock(at), "number"), element("td", note ? `${what}: ${note}` : what));
      const until = number + 1 < all.length ? all[number + 1][1] : at;
      row.append(element("td", until > at ? `+${(until - at).toFixed(3)} s` : "", "number"));
      const bar = element("td", undefined, "bar"), track = element("i"), part = element("b");
      track.style.background = "var(--line)";
      part.style.marginLeft = `${((at - first) / (last - first)) * 100}%`;
      part.style.width = `${((until - at) / (last - first)) * 100}%`;
      part.style.background = "var(--accent)";
      track.append(part);
      bar.append(track);
      row.append(bar);
      table.append(row);
    });
    life.append(table);
    life.hidden = false;
  };

  const refresh = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = data.filter((pod) => `${pod.name} ${pod.node} ${pod.phase}`.toLowerCase().includes(wanted));
    list.replaceChildren(...found.slice(0, MOST).map((pod) => {
      const button = element("button", pod.name, pod.phase.toLowerCase());
      button.type = "button";
      button.addEventListener("click", () => show(pod));
      const item = element("li");
      item.append(button);
      return item;
    }));
    document.getElementById("pod-count").textContent =
      found.length > MOST ? `${MOST} of ${found.length} shown: type a name, a node or a phase` : `${found.length} found`;
  };

  // report.html#pod=NAME opens that pod's life
  const linked = () => {
    const name = decodeURIComponent(window.location.hash.replace(/^#pod=/, ""));
    return data.find((pod) => pod.name === name);
  };
  search.addEventListener("input", refresh);
  window.addEventListener("hashchange", () => { if (linked()) show(linked()); });
  refresh();
  if (data.length) show(linked() || data[0]);
})();
