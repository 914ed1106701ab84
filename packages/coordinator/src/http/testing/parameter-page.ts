import { NESTED_PARAMETERS, type NestedTreatment } from "./nested-parameters.js";
import { PARAMETER_TABLES, type SurfaceTable, type Treatment } from "./parameter-table.js";

const INTRODUCTION = `# Parameters

What becomes of every parameter that the official clients know, and of ours beside them. A test holds this page and the code to each other.
Fields that no client declares are ignored.
`;

/** The page of documentation that the tables of parameters stand for. */
export function parameterPage(): string {
  const sections = Object.entries<SurfaceTable>(PARAMETER_TABLES).map(([url, table]) => section(url, table));
  return `${[INTRODUCTION, ...sections].join("\n")}`;
}

function section(url: string, { parameters }: SurfaceTable): string {
  const all: [string, Treatment | NestedTreatment][] = [...Object.entries(parameters), ...Object.entries(NESTED_PARAMETERS[url] ?? {})];
  const honoured = all.filter(([, treatment]) => "honoured" in treatment).map(named);
  const accepted = all.flatMap(([name, treatment]) => ("accepted" in treatment ? [`- \`${name}\`: ${treatment.why}`] : []));
  const refused = all.filter(([, treatment]) => "refused" in treatment).map(named);
  const parts = [
    `## \`POST ${url}\``,
    `**Honoured:** ${honoured.join(", ")}`,
    accepted.length === 0 ? "" : `**Accepted without effect:**\n\n${accepted.join("\n")}`,
    refused.length === 0 ? "" : `**Refused with a 400 that names it:** ${refused.join(", ")}`,
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function named([name]: readonly [string, unknown]): string {
  return `\`${name}\``;
}
