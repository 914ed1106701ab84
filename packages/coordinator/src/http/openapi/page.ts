import { TAGS } from "./route-doc.js";

/** The parts of a document that the page shows. */
interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: Schema }>>;
interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}
interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Deeper fields are named by the document itself. */
const DEPTH_max = 4;

/** A page for people: every operation with its parameters, body and answers. One file, no scripts, nothing loaded from elsewhere. */
export function apiPage(document: unknown): string {
  // Made by `openApiDocument`, whose form this is.
  const { info, paths } = document as Document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method,
      operation,
      id: `${method}${path.replaceAll(/[^a-z0-9]+/gi, "-")}`,
    })),
  );
  const sections = Object.entries(TAGS).map(([tag, about]) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(tag));
    const links = own.map(({ id, method, path }) => `<li><a href="#${id}"><b>${method.toUpperCase()}</b> ${text(path)}</a></li>`).join("");
    const articles = own.map(({ id, method, path, operation }) => article(id, method, path, operation)).join("");
    return { nav: `<h2>${tag}</h2><ul>${links}</ul>`, body: `<section><h2>${tag}</h2><p>${text(about)}</p>${articles}</section>` };
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(info.title)} API</title><style>${STYLE}</style></head>
<body><nav><h1>${text(info.title)} API</h1><p>Version ${text(info.version)} · <a href="/openapi.json">openapi.json</a></p>
${sections.map(({ nav }) => nav).join("")}</nav>
<main><p>${text(info.description)}</p>${sections.map(({ body }) => body).join("")}</main></body></html>
`;
}

function article(id: string, method: string, path: string, operation: Operation): string {
  const { parameters = [], requestBody, responses } = operation;
  const shown = parameters.map(({ name, in: place, description, required }) => row(name, place, required, description)).join("");
  return `<article id="${id}"><h3><b class="${method}">${method.toUpperCase()}</b> ${text(path)}</h3><p>${text(operation.summary)}</p>${
    operation.description === undefined ? "" : `<p>${text(operation.description)}</p>`
  }${shown === "" ? "" : `<h4>Parameters</h4><table>${shown}</table>`}${
    requestBody === undefined ? "" : `<h4>Body</h4>${contentTable(requestBody.content)}`
  }<h4>Answers</h4>${Object.entries(responses)
    .map(([status, { description, content }]) => answer(status, description, content))
    .join("")}</article>`;
}

function answer(status: string, description: string, content: Content | undefined): string {
  if (content === undefined) return `<p><b>${status}</b> ${text(description)}</p>`;
  return `<details${status.startsWith("2") ? " open" : ""}><summary><b>${status}</b> ${text(description)}</summary>${contentTable(content)}</details>`;
}

function contentTable(content: Content): string {
  return Object.entries(content)
    .map(([type, { schema }]) => `<p><code>${text(type)}</code> ${text(typeOf(schema))}</p>${fieldTable(schema)}`)
    .join("");
}

function fieldTable(schema: Schema): string {
  const rows = fields(schema, "", 0).join("");
  return rows === "" ? "" : `<table>${rows}</table>`;
}

function fields(schema: Schema, prefix: string, depth: number): string[] {
  if (depth >= DEPTH_max) return [];
  const rows: string[] = [];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const path = prefix + name;
    rows.push(row(path, typeOf(field), schema.required?.includes(name) ?? false, field.description ?? ""));
    rows.push(...inner(field, path, depth));
  }
  return rows;
}

function inner(schema: Schema, path: string, depth: number): string[] {
  if (schema.properties !== undefined) return fields(schema, `${path}.`, depth + 1);
  if (schema.items !== undefined) return inner(schema.items, `${path}[]`, depth);
  const branches = (schema.anyOf ?? schema.oneOf ?? []).flatMap((branch) => inner(branch, path, depth + 1));
  return [...new Set(branches)];
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return [...new Set(branches.map(typeOf))].join(" | ");
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  const range = [
    schema.minimum === undefined ? "" : ` ≥ ${schema.minimum}`,
    schema.maximum === undefined ? "" : ` ≤ ${schema.maximum}`,
  ].join("");
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : String(schema.type ?? "any");
  // What JSON can count exactly is no limit that a reader needs to know.
  return type + range.replaceAll(/ [≤≥] -?9007199254740991/g, "");
}

function row(name: string, type: string, required: boolean, description: string): string {
  return `<tr><td><code>${text(name)}</code>${required ? " <i>required</i>" : ""}</td><td>${text(type)}</td><td>${text(description)}</td></tr>`;
}

function text(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

const STYLE = `
:root{color-scheme:light dark;--line:#8883;--soft:#8881;--accent:#2f7d4f}
*{box-sizing:border-box}body{margin:0;font:15px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:19rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.2rem;border-right:1px solid var(--line)}
nav h1{font-size:1.15rem;margin:0}nav h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.06em;margin:1.2rem 0 .3rem}
nav ul{list-style:none;padding:0;margin:0;font-size:.82rem}nav li{overflow-wrap:anywhere;padding:.1rem 0}nav a{color:inherit}
main{padding:1.5rem 2.5rem;max-width:70rem}article{border-top:1px solid var(--line);padding:1rem 0}
h3{font-family:ui-monospace,monospace;font-size:1rem;margin:.3rem 0}h3 b{color:var(--accent)}h3 b.delete{color:#b3392f}
h4{margin:1rem 0 .3rem}code{font-family:ui-monospace,monospace;font-size:.88em;background:var(--soft);padding:.05em .3em;border-radius:3px}
table{border-collapse:collapse;width:100%;font-size:.85rem}td{border-bottom:1px solid var(--line);padding:.3rem .5rem;vertical-align:top;overflow-wrap:anywhere}
td:first-child{width:32%}td:nth-child(2){width:28%}i{opacity:.65;font-size:.85em}details{margin:.3rem 0}summary{cursor:pointer}
@media(max-width:60rem){body{display:block}nav{position:static;height:auto;border-right:0;border-bottom:1px solid var(--line)}main{padding:1rem}}
`;
