import { createFakeClock } from "@umbel/protocol/testing";
import { expect, it } from "vitest";
import { ModelCommands } from "./model-commands.js";
import { NO_TOTALS } from "./reports.js";

const silent = () => undefined;

it("lets fetching wait while it slows answers, and for as long as the host says so", async () => {
  const clock = createFakeClock(new Date(0));
  const fetches: AbortSignal[] = [];
  const commands = new ModelCommands({
    coordinator: { send: silent },
    worker: { send: silent, ready: undefined },
    builds: {
      fetch: (_build, signal) => {
        fetches.push(signal);
        return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
      withdraw: silent,
      remove: async () => undefined,
    },
    ...{ clock, logger: { debug: silent, info: silent, warn: silent, error: silent }, onDisplaced: silent },
  });
  let active_tokens = 0;
  const answer = async (seconds: number, tps: number, running = 1): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      await clock.advance(1000);
      active_tokens += tps;
      commands.onState({
        type: "state",
        slots: [
          {
            ...{ model: "oak", state: "running", num_running: running, num_waiting: 0, max_concurrency: 4, active_tokens },
            ...{ token_budget_used: 0, token_budget_max: 1 },
          },
        ],
        requests: { received: 1, open: running > 0 ? ["a"] : [], counted: [] },
        ...{ ...NO_TOTALS, rss_bytes: 0 },
      });
    }
  };
  /** Whether something is being fetched, and how often it was begun. */
  const state = () => [fetches.at(-1)?.aborted === false, fetches.length];

  await answer(10, 20);
  await commands.onMessage({ type: "prefetch_model", model_id: "elm" });
  expect(state()).toEqual([true, 1]);
  await answer(3, 10);
  expect(state()).toEqual([false, 1]);
  await answer(1, 0, 0);
  expect(state()).toEqual([true, 2]);
  // The host's word counts beside it.
  commands.rest(true, { fetches: false });
  await answer(2, 0, 0);
  expect(state()).toEqual([false, 2]);
  commands.rest(false, { fetches: true });
  await answer(1, 0, 0);
  expect(state()).toEqual([true, 3]);
  await commands.drain();
});
