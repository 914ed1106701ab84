export interface UsageFilter {
  /** Days such as 2026-05-01, or empty. */
  readonly from: string;
  readonly to: string;
  readonly model: string;
  readonly key_id: string;
  readonly group: "day" | "model" | "key";
}

const NARROWING = ["from", "to", "model", "key_id"] as const;

/** What the address of the page says. */
export function filterFrom(search: string): UsageFilter {
  const query = new URLSearchParams(search);
  const day = (name: string) => (/^\d{4}-\d{2}-\d{2}$/.test(query.get(name) ?? "") ? (query.get(name) ?? "") : "");
  const group = query.get("group");
  return {
    ...{ from: day("from"), to: day("to"), model: query.get("model") ?? "", key_id: query.get("key_id") ?? "" },
    group: group === "model" || group === "key" ? group : "day",
  };
}

/** As the page's address has it, or as the API takes it for its sums or its list. */
export function queryOf(filter: UsageFilter, reader: "address" | "summary" | "list", more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams();
  for (const name of NARROWING) if (filter[name] !== "") query.set(name, filter[name]);
  if (reader === "summary" || (reader === "address" && filter.group !== "day")) query.set("group", filter.group);
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
