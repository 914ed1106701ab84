import { type FormEvent, useCallback, useState } from "react";
import { DataTable } from "../parts/data-table.js";
import { saveAsCsv } from "../parts/download.js";
import { Panel } from "../parts/panel.js";
import { When } from "../parts/time.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded, usePages } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";
import { filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";
import { filterFrom, queryOf, type UsageFilter } from "./usage-filter.js";

interface Sum {
  readonly name: string | null;
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: number;
}

interface Summary {
  readonly data: readonly Sum[];
  readonly total_micro_usd: number;
}

interface Used {
  readonly job_id: string;
  readonly model: string;
  readonly key_id: string | null;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_micro_usd: number;
  readonly own_machine: boolean;
  readonly timestamp: string;
}

interface Key {
  readonly id: string;
  readonly name: string;
  readonly label: string;
}

const GROUPS = { day: "Day (UTC)", model: "Model", key: "Key" } as const;
const keysOf = async (): Promise<readonly Key[]> => (await ask<{ data: readonly Key[] }>("GET", "/v1/keys")).data;
const count = (number: number): string => number.toLocaleString();

/** What requests used and cost: what it is narrowed to stands in the address. */
export function UsagePage({ search }: { readonly search: string }) {
  const [filter, setFilter] = useState(() => filterFrom(search));
  const keys = useLoaded(keysOf);
  const change = (next: UsageFilter) => {
    window.history.replaceState(null, "", `/usage${queryOf(next, "address")}`);
    setFilter(next);
  };
  return (
    <>
      <FilterCard filter={filter} keys={keys.value ?? []} onChange={change} />
      <SumsCard filter={filter} keys={keys.value ?? []} onGroup={(group) => change({ ...filter, group })} />
      <RequestsCard filter={filter} keys={keys.value ?? []} />
    </>
  );
}

interface FilterCardProps {
  readonly filter: UsageFilter;
  readonly keys: readonly Key[];
  readonly onChange: (filter: UsageFilter) => void;
}

function FilterCard({ filter, keys, onChange }: FilterCardProps) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { from = "", to = "", model = "", key_id = "" } = filledIn(event.currentTarget);
    onChange({ ...filter, from, to, model: model.trim(), key_id });
  };
  return (
    <form className="card filters" onSubmit={submit} aria-label="Narrow down">
      <h2>Usage</h2>
      <div className="columns">
        <label className="field">
          From (UTC)
          <input type="date" name="from" defaultValue={filter.from} />
        </label>
        <label className="field">
          Before
          <input type="date" name="to" defaultValue={filter.to} />
        </label>
        <label className="field">
          Model
          <input name="model" defaultValue={filter.model} placeholder="all" autoComplete="off" />
        </label>
        <label className="field">
          Key
          <select name="key_id" defaultValue={filter.key_id} key={keys.length}>
            <option value="">all</option>
            {keys.map((key) => (
              <option key={key.id} value={key.id}>
                {key.name || key.label}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div className="actions">
        <button type="submit">Show</button>
      </div>
    </form>
  );
}

interface SumsCardProps {
  readonly filter: UsageFilter;
  readonly keys: readonly Key[];
  readonly onGroup: (group: UsageFilter["group"]) => void;
}

function SumsCard({ filter, keys, onGroup }: SumsCardProps) {
  const sums = useLoaded(useCallback(() => ask<Summary>("GET", `/v1/payments/usage/summary${queryOf(filter, "summary")}`), [filter]));
  const choice = (
    <select aria-label="Summed by" value={filter.group} onChange={(event) => onGroup(event.currentTarget.value as UsageFilter["group"])}>
      <option value="day">by day</option>
      <option value="model">by model</option>
      <option value="key">by key</option>
    </select>
  );
  return (
    <Panel title="Sums" loaded={sums} actions={choice}>
      {({ data, total_micro_usd }) => {
        const most = Math.max(1, ...data.map(({ cost_micro_usd }) => cost_micro_usd));
        const requests = data.reduce((sum, row) => sum + row.requests, 0);
        return (
          <>
            <p>
              <span className="figure">{shownUsd(total_micro_usd)}</span>
              <span className="hint">
                {" "}
                for {count(requests)} {requests === 1 ? "request" : "requests"}
              </span>
            </p>
            <DataTable
              caption={`Usage by ${filter.group}`}
              rows={data}
              keyOf={({ name }) => name ?? ""}
              empty="Nothing was used in that time."
              columns={[
                { title: GROUPS[filter.group], of: ({ name }) => nameOf(name, filter.group, keys) },
                { title: "Requests", isNumber: true, of: (row) => count(row.requests) },
                { title: "Prompt tokens", isNumber: true, of: (row) => count(row.prompt_tokens) },
                { title: "Answer tokens", isNumber: true, of: (row) => count(row.completion_tokens) },
                {
                  title: "Cost",
                  isNumber: true,
                  of: ({ name, cost_micro_usd }) => (
                    <>
                      <meter min={0} max={most} value={cost_micro_usd} aria-label={`Share of ${name ?? "no key"}`} />
                      {shownUsd(cost_micro_usd)}
                    </>
                  ),
                },
              ]}
            />
          </>
        );
      }}
    </Panel>
  );
}

function RequestsCard({ filter, keys }: { readonly filter: UsageFilter; readonly keys: readonly Key[] }) {
  const { attempt, isBusy, problem } = useAttempt();
  const { more, ...loaded } = usePages(
    useCallback(
      async (cursor: string | undefined) => {
        const query = queryOf(filter, "list", { limit: "25", ...(cursor === undefined ? {} : { cursor }) });
        const list = await ask<{ usage: readonly Used[]; next_cursor: string | null }>("GET", `/v1/payments/usage${query}`);
        return { rows: list.usage, next: list.next_cursor };
      },
      [filter],
    ),
  );
  const download = (
    <button
      type="button"
      className="plain"
      disabled={isBusy}
      onClick={() => attempt(() => saveAsCsv(`/v1/payments/usage${queryOf(filter, "list")}`, "umbel-usage.csv"))}
    >
      All as CSV
    </button>
  );
  return (
    <Panel title="Requests" loaded={loaded} actions={download}>
      {(rows) => (
        <>
          <Problem text={problem} />
          <DataTable
            caption="Requests, latest first"
            rows={rows}
            keyOf={({ job_id }) => job_id}
            empty="Nothing was used in that time."
            more={more}
            columns={[
              {
                title: "When",
                of: ({ timestamp, job_id }) => (
                  <span title={job_id}>
                    <When at={timestamp} />
                  </span>
                ),
              },
              { title: "Model", of: ({ model }) => model },
              { title: "Key", of: ({ key_id }) => nameOf(key_id, "key", keys) },
              { title: "Tokens in", isNumber: true, of: (row) => count(row.prompt_tokens) },
              { title: "Tokens out", isNumber: true, of: (row) => count(row.completion_tokens) },
              { title: "Cost", isNumber: true, of: (row) => (row.own_machine ? "own machine" : shownUsd(row.cost_micro_usd)) },
            ]}
          />
        </>
      )}
    </Panel>
  );
}

function nameOf(name: string | null, group: UsageFilter["group"], keys: readonly Key[]): string {
  if (group !== "key") return name ?? "";
  if (name === null) return "no key";
  const key = keys.find(({ id }) => id === name);
  return key === undefined ? name : key.name || key.label;
}
