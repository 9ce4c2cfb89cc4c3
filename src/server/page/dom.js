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

// Brings the children of `parent` to those of `wanted`, and touches only what differs: the place of
// who reads with a screen reader, a selection and a running transition outlive it.
export function update(parent, wanted) {
  const have = [...parent.childNodes];
  wanted.forEach((node, index) => {
    const old = have[index];
    if (!old) parent.append(node);
    else if (old.nodeName !== node.nodeName) old.replaceWith(node);
    else if (node.nodeType !== Node.TEXT_NODE) updateElement(old, node);
    else if (old.data !== node.data) old.data = node.data;
  });
  for (const extra of have.slice(wanted.length)) extra.remove();
}

function updateElement(old, wanted) {
  // The page's policy lets no style be set as an attribute.
  if (old.style.cssText !== wanted.style.cssText) old.style.cssText = wanted.style.cssText;
  const names = new Set([...old.getAttributeNames(), ...wanted.getAttributeNames()]);
  names.delete("style");
  for (const name of names) {
    const value = wanted.getAttribute(name);
    if (value === null) old.removeAttribute(name);
    else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  update(old, [...wanted.childNodes]);
}

// Rows of a table whose columns are [text or node, class]; shows the note behind it if there are
// none.
export function fill(table, rows) {
  update(
    table.tBodies[0],
    rows.map((cells) =>
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

export const shareBar = (share, label) =>
  element("meter", {
    min: 0, max: 1, low: 0.75, high: 0.92, optimum: 0,
    value: Math.min(1, Math.max(0, share || 0)),
    "aria-label": label,
  });

// A share of 0..1 with its number, as a bar.
export function meter(share, text, label) {
  const bar = shareBar(share, label);
  return element("span", { class: "metered" }, bar, element("span", {}, text));
}
