// The button that holds the page still, for whoever wants to read or compare: what comes meanwhile is
// kept, and shown when it goes on.
import { by } from "./dom.js";

let isOn = false;
export const isPaused = () => isOn;

export function startPause(goOn) {
  by("pause").addEventListener("click", () => {
    isOn = !isOn;
    by("pause").setAttribute("aria-pressed", String(isOn));
    document.body.classList.toggle("paused", isOn);
    if (!isOn) goOn();
  });
}
