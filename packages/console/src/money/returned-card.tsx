import { useEffect, useState } from "react";
import { shownUsd } from "../parts/usd.js";
import { ask } from "../people/auth-api.js";
import type { Deposit } from "./billing-api.js";
import { forgetDeposit, rememberedDeposit } from "./returned-deposit.js";

const LOOK_ms = 2_000;
/** After that the list of deposits tells. */
const LOOKS_max = 30;

/** What has become of the payment that somebody comes back from. */
export function ReturnedCard({ search, onCredited }: { readonly search: string; readonly onCredited: () => void }) {
  const [deposit, setDeposit] = useState<Deposit>();
  const [id] = useState(rememberedDeposit);
  const [isBack] = useState(() => new URLSearchParams(search).has("session_id"));
  useEffect(() => {
    if (id === undefined || !isBack) return;
    window.history.replaceState(null, "", window.location.pathname);
    forgetDeposit();
    let looks = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const found = await ask<Deposit>("GET", `/v1/billing/stripe/session?id=${encodeURIComponent(id)}`).catch(() => undefined);
      if (found !== undefined) setDeposit(found);
      if (found?.status === "completed") return onCredited();
      looks += 1;
      if (looks < LOOKS_max && (found === undefined || found.status === "pending")) timer = setTimeout(look, LOOK_ms);
    };
    void look();
    return () => clearTimeout(timer);
  }, [id, isBack, onCredited]);
  if (id === undefined || !isBack) return null;
  return (
    <p role="status" className={deposit?.status === "completed" ? "good" : "notice"}>
      {inWords(deposit)}
    </p>
  );
}

function inWords(deposit: Deposit | undefined): string {
  switch (deposit?.status) {
    case "completed":
      return `${shownUsd(deposit.amount_micro_usd)} are on your account.`;
    case "expired":
      return "The payment was not made. Nothing was charged.";
    case "needs_review":
      return "The payment has to be looked at by whoever runs this network.";
    default:
      return "Your payment is being confirmed…";
  }
}
