import { type Form, textAt, textsAt } from "./form.js";
import { missing, Refusal, unknown } from "./refusal.js";
import type { World } from "./world.js";

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly form: Form;
  /** The connected account in whose name it is asked. */
  readonly account: string | undefined;
}

/** The part of Stripe's interface that is used here. @throws Refusal */
export function answer(world: World, { method, path, form, account }: FakeRequest): object {
  const [, resource = "", id = "", action = ""] = /^\/v1\/(checkout\/sessions|[a-z_]+)(?:\/([^/]+))?(?:\/([a-z_]+))?$/.exec(path) ?? [];
  const route = `${method} ${resource}${id === "" ? "" : "/id"}${action === "" ? "" : `/${action}`}`;
  switch (route) {
    case "POST checkout/sessions":
      return makeCheckout(world, form);
    case "GET checkout/sessions/id":
      return world.checkoutObject(world.found(world.checkouts, "checkout.session", id), textAt(form, "expand", "0") === "payment_intent");
    case "GET payment_intents/id": {
      const checkout = [...world.checkouts.values()].find(({ payment }) => payment?.id === id);
      if (checkout === undefined) throw unknown("payment_intent", id);
      return world.paymentObject(checkout);
    }
    case "POST accounts":
      return makeAccount(world, form);
    case "GET accounts/id":
      return world.accountObject(world.found(world.accounts, "account", id));
    case "POST account_links": {
      const asked = world.found(world.accounts, "account", required(form, "account"));
      required(form, "return_url");
      required(form, "refresh_url");
      return {
        object: "account_link",
        created: world.now_s(),
        expires_at: world.now_s() + 300,
        url: `https://connect.stripe.test/setup/${asked.id}`,
      };
    }
    case "POST transfers":
      return makeTransfer(world, form);
    case "GET transfers": {
      const group = textAt(form, "transfer_group");
      return list([...world.transfers.values()].filter((transfer) => transfer.group === group).map(world.transferObject), "/v1/transfers");
    }
    case "GET transfers/id":
      return world.transferObject(world.found(world.transfers, "transfer", id));
    case "POST transfers/id/reversals":
      return { id: world.reverseTransfer(id), object: "transfer_reversal", transfer: id };
    case "POST payouts":
      return makePayout(world, form, account);
    case "GET payouts": {
      const since = Number(textAt(form, "created", "gte") ?? 0);
      const own = [...world.payouts.values()].filter((payout) => payout.account === account && payout.created >= since).reverse();
      return list(own.map(world.payoutObject), "/v1/payouts");
    }
    case "GET payouts/id": {
      const payout = world.found(world.payouts, "payout", id);
      if (payout.account !== account) throw unknown("payout", id);
      return world.payoutObject(payout);
    }
    case "GET events":
      return eventPage(world, form);
    default:
      throw new Refusal(404, "invalid_request_error", `Unrecognized request URL (${method}: ${path}).`);
  }
}

function makeCheckout(world: World, form: Form): object {
  const amount = amountOf(form, "line_items", "0", "price_data", "unit_amount");
  if (textAt(form, "mode") !== "payment") throw missing("mode");
  if (textAt(form, "line_items", "0", "price_data", "currency") !== "usd") throw missing("line_items[0][price_data][currency]");
  required(form, "success_url");
  const id = world.newId("cs_test");
  world.checkouts.set(id, {
    ...{ id, amount, url: `https://checkout.stripe.test/c/pay/${id}`, status: "open", paymentStatus: "unpaid", payment: undefined },
    metadata: textsAt(form, "metadata"),
    paymentMetadata: textsAt(form, "payment_intent_data", "metadata"),
  });
  return world.checkoutObject(world.found(world.checkouts, "checkout.session", id));
}

function makeAccount(world: World, form: Form): object {
  if (required(form, "type") !== "express") throw new Refusal(400, "invalid_request_error", "Invalid type", { param: "type" });
  if (textAt(form, "settings", "payouts", "schedule", "interval") !== "manual") throw missing("settings[payouts][schedule][interval]");
  const id = world.newId("acct");
  world.accounts.set(id, {
    ...{ id, country: required(form, "country"), balance: 0, payoutsEnabled: false, detailsSubmitted: false },
    ...{ currentlyDue: ["external_account", "individual.id_number"], disabledReason: "requirements.past_due", destination: undefined },
  });
  return world.accountObject(world.found(world.accounts, "account", id));
}

function makeTransfer(world: World, form: Form): object {
  const amount = amountOf(form, "amount");
  const destination = required(form, "destination");
  const account = world.accounts.get(destination);
  if (account === undefined)
    throw new Refusal(400, "invalid_request_error", `No such destination: '${destination}'`, {
      code: "resource_missing",
      param: "destination",
    });
  const id = world.newId("tr");
  const transfer = {
    id,
    amount,
    destination,
    group: textAt(form, "transfer_group") ?? "",
    metadata: textsAt(form, "metadata"),
    reversed: false,
  };
  world.transfers.set(id, transfer);
  account.balance += amount;
  return world.transferObject(transfer);
}

function makePayout(world: World, form: Form, accountId: string | undefined): object {
  const amount = amountOf(form, "amount");
  const account = world.found(world.accounts, "account", accountId ?? "");
  if (!account.payoutsEnabled)
    throw new Refusal(400, "invalid_request_error", "Payouts are not enabled for this account.", { code: "payouts_not_allowed" });
  const method = textAt(form, "method") ?? "standard";
  if (method === "instant" && account.destination !== "debit")
    throw new Refusal(400, "invalid_request_error", "No eligible destination.", { code: "instant_payouts_unsupported" });
  world.takeFrom(account, amount);
  const id = world.newId("po");
  const payout = {
    id,
    account: account.id,
    amount,
    method,
    metadata: textsAt(form, "metadata"),
    created: world.now_s(),
    failureCode: null,
  };
  world.payouts.set(id, { ...payout, status: "pending" });
  return world.payoutObject(world.found(world.payouts, "payout", id));
}

/** Newest first, as many at once as are asked for. */
function eventPage(world: World, form: Form): object {
  const types = Object.values(textsAt(form, "types"));
  const [after, until] = [Number(textAt(form, "created", "gt")), Number(textAt(form, "created", "lte"))];
  const own = world.events.filter(
    ({ endpoint, type, created }) => endpoint === "account" && types.includes(type) && created > after && created <= until,
  );
  const newestFirst = own.reverse();
  const behind = textAt(form, "starting_after");
  const from = behind === undefined ? 0 : newestFirst.findIndex(({ id }) => id === behind) + 1;
  const to = from + Math.min(Number(textAt(form, "limit") ?? 10), world.limits.page_max);
  const data = newestFirst.slice(from, to).map(({ body }) => JSON.parse(body) as object);
  return { ...list(data, "/v1/events"), has_more: to < newestFirst.length };
}

function required(form: Form, name: string): string {
  const text = textAt(form, name);
  if (text === undefined || text === "") throw missing(name);
  return text;
}

function amountOf(form: Form, ...path: readonly string[]): number {
  const text = textAt(form, ...path) ?? "";
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Refusal(400, "invalid_request_error", `Invalid integer: ${text}`, { param: path.join(".") });
  return Number(text);
}

function list(data: readonly object[], url: string): object {
  return { object: "list", data, has_more: false, url };
}
