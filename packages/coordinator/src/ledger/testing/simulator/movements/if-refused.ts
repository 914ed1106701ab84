import { PaymentRefusal } from "../../../../payments/index.js";
import { ifAway } from "../away.js";

/** That payments refuse something is as good as that they do not answer: nothing has happened that anybody relies on. */
export function ifRefused(error: unknown): undefined {
  return error instanceof PaymentRefusal ? undefined : ifAway(error);
}
