// The page is built from text only: nothing that came from a hub is ever read as HTML.

export const by = (id) => document.getElementById(id);

// element("td", { class: "n" }, "12", child)
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Rows of a table whose columns are [text or node, class]; shows the note behind it if there are
// none.
export function fill(table, rows) {
  const body = table.tBodies[0];
  body.replaceChildren(
    ...rows.map((cells) =>
      element(
        "tr",
        {},
        ...cells.map(([content, name, title]) => element("td", { class: name, title }, content)),
      ),
    ),
  );
  const note = table.parentElement.querySelector(".empty");
  table.hidden = rows.length === 0;
  if (note) note.hidden = rows.length > 0;
}

// A share of 0..1 with its number, as a bar.
export function meter(share, text, label) {
  const bar = element("meter", {
    min: 0, max: 1, low: 0.75, high: 0.92, optimum: 0,
    value: Math.min(1, Math.max(0, share || 0)),
    "aria-label": label,
  });
  return element("span", { class: "metered" }, bar, text);
}
