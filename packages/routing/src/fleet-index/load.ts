import { headroomOfAll } from "../admission/concurrency.js";
import { machineSums } from "../admission/machine-sums.js";
import { strain_ms } from "../cost/health.js";
import { type CostProfile, costProfileOf } from "../cost/profile.js";
import { unreliability_ms } from "../cost/reliability.js";
import type { ProviderView, RoutingContext } from "../types.js";
import type { Machine } from "./cell.js";
import { type MachineFacts, machineFacts } from "./facts.js";
import { FLUTTER_ms } from "./shelf.js";

/** Without cells yet. */
export function newMachine(view: ProviderView, context: RoutingContext): Machine {
  const machine: Machine = {
    view,
    cells: [],
    alarm: undefined,
    pendingTotal: 0,
    unread_tokens: 0,
    strain_ms: 0,
    excess: "none",
    apart: undefined,
    reports: 0,
  };
  rememberLoad(machine, context);
  return machine;
}

/** All its cells are sorted in by what its view says now. */
export function rememberLoad(machine: Machine, context: RoutingContext): void {
  const { view } = machine;
  machine.pendingTotal = view.pendingTotal;
  machine.unread_tokens = machineSums(view).unread_tokens;
  machine.strain_ms = allStrain_ms(view, costProfileOf(context));
  machine.excess = "none";
  machine.apart = undefined;
}

/**
 * After work has come or gone, or was reported. Cells of which neither a slot nor work has changed cost no less than when they were sorted in, as
 * long as the machine has no less to do and to bear than then: they stay, but for those that are full by it, or no longer. What is observed of the
 * fleet goes on meanwhile, so every report has one of them looked at again, in turn.
 *
 * @returns false where it has less: then all cells are to be sorted in
 */
export function follow(machine: Machine, before: ProviderView, context: RoutingContext): boolean {
  const { view, cells } = machine;
  const profile = costProfileOf(context);
  const { unread_tokens } = machineSums(view);
  const more_ms = allStrain_ms(view, profile) - machine.strain_ms;
  if (view.pendingTotal < machine.pendingTotal || unread_tokens < machine.unread_tokens || more_ms < 0) return false;
  if ((before.slots === undefined) !== (view.slots === undefined)) return false;
  const hasMore = view.pendingTotal > machine.pendingTotal || unread_tokens > machine.unread_tokens || more_ms > FLUTTER_ms;
  machine.excess = hasMore ? "clear" : more_ms > 0 ? "slight" : "none";
  const flips = headroomOfAll(before, profile) !== headroomOfAll(view, profile);
  const again = before.slots === view.slots ? undefined : cells[machine.reports++ % cells.length];
  const { apart } = machine;
  let facts: MachineFacts | undefined;
  for (const cell of cells) {
    const stays = !flips && cell !== again && apart?.includes(cell) !== true && !isInvolved(cell.index.build, before, view);
    if (stays) continue;
    facts ??= machineFacts(view, context);
    cell.index.update(cell, facts, context);
  }
  return true;
}

function isInvolved(build: string, before: ProviderView, view: ProviderView): boolean {
  if (before.pending !== view.pending && before.pending.get(build) !== view.pending.get(build)) return true;
  return before.slots !== view.slots && (before.slots?.has(build) === true || view.slots?.has(build) === true);
}

/** What makes every request dearer there. */
function allStrain_ms(view: ProviderView, profile: CostProfile): number {
  return strain_ms(view, profile) + unreliability_ms(view, profile);
}
