// The admin page: two views, one stream of the hub's state.
import { by } from "./dom.js";
import { showHub, startHub } from "./hub.js";
import { showLive, startLive } from "./live.js";
import { isPaused, startPause } from "./pause.js";
import { startTry } from "./try.js";

const page = await (await fetch(`/page.json${location.search}`)).json();
by("logout").hidden = !page.may_log_out;

let latest = null;

function show() {
  const isLive = location.hash === "#live";
  by("view-hub").hidden = isLive;
  by("view-live").hidden = !isLive;
  for (const [tab, isHere] of [["tab-hub", !isLive], ["tab-live", isLive]])
    isHere ? by(tab).setAttribute("aria-current", "page") : by(tab).removeAttribute("aria-current");
  document.title = isLive ? "Live data · livehub" : "livehub";
  if (isLive) showLive(page);
  else if (latest) showHub(latest, true);
}

// EventSource comes back by itself, unless the answer was a refusal: then we may have to log in.
function listen() {
  const stream = new EventSource("/debug/stream");
  stream.onmessage = (event) => {
    latest = JSON.parse(event.data);
    showHub(latest, by("view-live").hidden && !isPaused());
  };
  stream.onerror = async () => {
    by("state").textContent = "not connected";
    by("state").className = "pill bad";
    if (stream.readyState !== EventSource.CLOSED) return;
    const answer = await fetch("/page.json").catch(() => null);
    if (answer?.status === 401) location.assign("/login");
    else setTimeout(listen, 2000);
  };
}

await startHub();
startLive(page);
startTry(page);
startPause(show);
addEventListener("hashchange", show);
show();
listen();
