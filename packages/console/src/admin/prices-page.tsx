import { parseUsd } from "@umbel/protocol/money";
import { type FormEvent, useState } from "react";
import { DataTable } from "../parts/data-table.js";
import { Panel } from "../parts/panel.js";
import { shownUsd } from "../parts/usd.js";
import { useLoaded } from "../parts/use-loaded.js";
import { ask } from "../people/auth-api.js";
import { Field, filledIn } from "../people/field.js";
import { Problem } from "../people/problem.js";
import { useAttempt } from "../people/use-attempt.js";

interface Prices {
  readonly prices: readonly { readonly model: string; readonly input_price: number; readonly output_price: number }[];
  readonly fallback_input_price: number;
  readonly fallback_output_price: number;
}

interface Build {
  readonly id: string;
}

async function pricesOf(): Promise<Prices & { readonly builds: readonly Build[] }> {
  const [prices, { data: builds }] = await Promise.all([
    ask<Prices>("GET", "/v1/pricing"),
    ask<{ data: readonly Build[] }>("GET", "/v1/admin/models"),
  ]);
  return { ...prices, builds };
}

/** List prices: what a million tokens cost, for requests from now on. */
export function PricesPage() {
  const prices = useLoaded(pricesOf);
  return (
    <Panel title="Prices" loaded={prices}>
      {({ prices: listed, fallback_input_price, fallback_output_price, builds }) => (
        <>
          <p className="hint">
            Of a million tokens. Builds without a price of their own cost {shownUsd(fallback_input_price)} of prompt and{" "}
            {shownUsd(fallback_output_price)} of answer. Requests under way keep the price that they began with.
          </p>
          <DataTable
            caption="List prices of builds"
            rows={listed}
            keyOf={({ model }) => model}
            empty="No build has a price of its own."
            columns={[
              { title: "Build", of: ({ model }) => <code>{model}</code> },
              { title: "Prompt", isNumber: true, of: ({ input_price }) => shownUsd(input_price) },
              { title: "Answer", isNumber: true, of: ({ output_price }) => shownUsd(output_price) },
            ]}
          />
          <PriceForm builds={builds} onSet={prices.reload} />
        </>
      )}
    </Panel>
  );
}

function PriceForm({ builds, onSet }: { readonly builds: readonly Build[]; readonly onSet: () => Promise<void> }) {
  const { attempt, isBusy, problem } = useAttempt();
  const [done, setDone] = useState<string>();
  const set = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { model = "", input = "", output = "" } = filledIn(event.currentTarget);
    setDone(undefined);
    void attempt(async () => {
      await ask("PUT", "/v1/admin/pricing", { model, input_price: microUsd(input), output_price: microUsd(output) });
      setDone(model);
      await onSet();
    });
  };
  const amount = { inputMode: "decimal", pattern: "\\s*\\d{1,9}(\\.\\d{1,6})?\\s*", title: "Such as 0.05", required: true } as const;
  return (
    <form onSubmit={set} aria-label="Set a price">
      <h3>Set a price</h3>
      <Problem text={problem} />
      {done !== undefined && (
        <p role="status" className="good">
          The price of {done} is set.
        </p>
      )}
      <div className="columns">
        <label className="field">
          Build
          <select name="model" required>
            {builds.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
        <Field label="Prompt, USD a million" name="input" {...amount} />
        <Field label="Answer, USD a million" name="output" {...amount} />
      </div>
      <button type="submit" disabled={isBusy}>
        Set it
      </button>
    </form>
  );
}

/** @throws Error for what is no amount, which the form's own check lets nobody send */
function microUsd(text: string): number {
  const amount = parseUsd(text.trim());
  if (amount === undefined) throw new Error(`"${text}" is no amount.`);
  return Number(amount);
}
