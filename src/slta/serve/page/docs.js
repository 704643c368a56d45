// Shows the OpenAPI description. Text from outside stays text.

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.filter((child) => child));
  return element;
};
const code = (text) => make("code", { textContent: text });

const BOUNDS = {
  minimum: "from", maximum: "to", exclusiveMinimum: "above", exclusiveMaximum: "below",
  minLength: "letters from", maxLength: "letters to", pattern: "like",
};

// A schema in words, such as "number, from 0" or "list of ListMoment".
function words(schema = {}) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(words).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${words(schema.items)}`;
  const bounds = Object.keys(BOUNDS).filter((name) => name in schema);
  return [schema.type ?? "anything",
    ...bounds.map((name) => `${BOUNDS[name]} ${schema[name]}`)].join(", ");
}

function table(caption, rows) {
  if (!rows.length) return null;
  const made = rows.map(([name, ...cells]) => make("tr", {},
    make("th", { scope: "row" }, code(name)),
    ...cells.map((cell) => make("td", { textContent: cell }))));
  return make("table", {}, make("caption", { textContent: caption }),
    make("tbody", {}, ...made));
}

function parameter({ name, in: where, required, schema, description }) {
  const usual = schema.default === undefined || schema.default === null
    ? "" : `, usually ${JSON.stringify(schema.default)}`;
  return [name, words(schema) + usual,
    [where === "path" ? "in the path" : required ? "required" : "", description ?? ""]
      .filter(Boolean).join("; ")];
}

// The fields of what is sent or answered, if it is an object with a name.
function fields(caption, content, schemas) {
  return Object.entries(content ?? {}).map(([type, { schema }]) => {
    const named = schemas[(schema?.$ref ?? schema?.items?.$ref ?? "").split("/").pop()];
    if (!named) return table(caption, [[type, words(schema), ""]]);
    const rows = Object.entries(named.properties ?? {}).map(([name, field]) =>
      [name, words(field), (named.required ?? []).includes(name) ? "" : "optional"]);
    return table(`${caption}: ${words(schema)}`, rows);
  });
}

function address(path, method, about, schemas) {
  const good = Object.entries(about.responses).filter(([status]) => status < 300);
  const bad = Object.entries(about.responses).filter(([status]) => status >= 400);
  return make("details", {},
    make("summary", {}, make("span", { className: "method", textContent: method }),
      code(path), make("span", { className: "faint",
        textContent: (about.description ?? about.summary).replaceAll("``", "") })),
    make("div", {},
      table("Parameters", (about.parameters ?? []).map(parameter)),
      ...fields("Body", about.requestBody?.content, schemas),
      ...good.flatMap(([status, answer]) => answer.content
        ? fields(`Answer ${status}`, answer.content, schemas)
        : [table(`Answer ${status}`, [["nothing", "", ""]])]),
      make("p", { className: "faint",
        textContent: `Refused with ${bad.map(([status]) => status).join(", ")}.` })));
}

function show({ paths, components }) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, about] of Object.entries(methods)) {
      const group = about.tags?.[0] ?? path.split("/")[2];
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(address(path, method.toUpperCase(), about, components.schemas));
    }
  }
  return [...groups].flatMap(([name, all]) => [make("h2", { textContent: name }), ...all]);
}

const place = document.querySelector("#addresses");
try {
  const answer = await fetch("api/openapi.json");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  place.replaceChildren(...show(await answer.json()));
} catch (error) {
  place.textContent = `The description cannot be read (${error.message}); reload the page.`;
}
