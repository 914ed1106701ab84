import { windowDemand_tokens } from "../admission/demand.js";
import { PROFILE_OMISSIONS, type ProfileName } from "../gates/profiles.js";
import { REFUSAL_REASONS, type RefusalReason, type RequestSpec } from "../types.js";
import type { Cell } from "./cell.js";
import { createDrawer, type Drawer, drawerCode } from "./drawer.js";

/** What decides which gates refuse a cell for a given request, up to those that reckon with its room. */
type Standing = Pick<Cell, "refusal" | "resting" | "tools" | "vision" | "contextLength_tokens">;

/** Cells that the same gates refuse for the same requests, and that preferences among machines treat alike. */
export class Shelf {
  readonly standing: Standing;
  readonly version: string;
  readonly bearable: boolean;
  /** How many cells there are. */
  size = 0;
  /** Empty where a standing gate refuses: such cells are only counted. */
  readonly drawers = new Map<number, Drawer>();

  constructor(
    readonly code: string,
    cell: Cell,
  ) {
    const { refusal, resting, tools, vision, contextLength_tokens, bearable } = cell;
    this.standing = { refusal, resting, tools, vision, contextLength_tokens };
    this.version = cell.view.version;
    this.bearable = bearable;
  }

  add(cell: Cell): void {
    this.size += 1;
    if (cell.refusal !== undefined) return;
    const code = drawerCode(cell);
    const drawer = this.drawers.get(code) ?? createDrawer(cell);
    this.drawers.set(code, drawer);
    drawer.add(cell);
    cell.drawer = drawer;
  }

  remove(cell: Cell): void {
    this.size -= 1;
    const { drawer } = cell;
    if (drawer === undefined) return;
    drawer.cells.remove(cell);
    if (drawer.cells.size === 0) this.drawers.delete(drawer.code);
    cell.drawer = undefined;
  }
}

/** Names the shelf that a cell belongs on. */
export function shelfCode({ refusal, resting, tools, vision, contextLength_tokens, bearable, view }: Cell): string {
  return `${refusal} ${resting} ${tools} ${vision} ${contextLength_tokens} ${bearable} ${view.version}`;
}

const RANK: ReadonlyMap<RefusalReason, number> = new Map(REFUSAL_REASONS.map((reason, rank) => [reason, rank]));

/** The first gate, in their order, that refuses such cells; of the gates that look at the request, those that need no reckoning. */
export function refusalOf(standing: Standing, spec: RequestSpec, profile: ProfileName): RefusalReason | undefined {
  const { refusal, resting, tools, vision, contextLength_tokens } = standing;
  let first: RefusalReason | undefined = refusal;
  const consider = (reason: RefusalReason, refuses: boolean): void => {
    if (refuses && (first === undefined || rankOf(reason) < rankOf(first))) first = reason;
  };
  consider("breaker_open", resting && !PROFILE_OMISSIONS[profile].includes("breaker_open"));
  consider("tools_unsupported", spec.needsTools && !tools);
  consider("vision_unsupported", spec.needsVision && !vision);
  consider("context_too_small", contextLength_tokens > 0 && windowDemand_tokens(spec) > contextLength_tokens);
  return first;
}

function rankOf(reason: RefusalReason): number {
  return RANK.get(reason) ?? 0;
}
