import { useId, useState } from "react";
import type { AskingMachine, Decision } from "./device-api.js";

interface MachineCardProps {
  readonly code: string;
  readonly machine: AskingMachine;
  readonly isBusy: boolean;
  readonly onDecision: (decision: Decision) => void;
}

/** What asks, and what it would get. Refusing takes one press; approving takes a look at the machine first. */
export function MachineCard({ code, machine, isBusy, onDecision }: MachineCardProps) {
  const id = useId();
  const [isSure, setSure] = useState(false);
  return (
    <section className="card" aria-label="The machine that asks">
      <p>
        {machine.purpose === "person" ? "A program asks to be signed in as" : "A machine asks to be linked to the account of"}{" "}
        <strong>you</strong>. Only the network it asks from was seen by the coordinator; the rest is what it says of itself.
      </p>
      <dl>
        <dt>Code</dt>
        <dd className="code">{code}</dd>
        <dt>Calls itself</dt>
        <dd>{machine.client_name}</dd>
        <dt>Platform</dt>
        <dd>{machine.platform}</dd>
        <dt>Asked from</dt>
        <dd>{networkInWords(machine.network)}</dd>
        <dt>Asked at</dt>
        <dd>{timeInWords(machine.asked_at)}</dd>
      </dl>
      <h3>If you approve, it may, until you revoke it</h3>
      <ul>
        {machine.scopes.map((scope) => (
          <li key={scope.id}>{scope.description}</li>
        ))}
      </ul>
      {machine.purpose === "machine" && (
        <p className="hint">It cannot spend your money, read or make API keys, or decide on other machines.</p>
      )}
      <p className="warning">
        Nobody from Umbel, and no seller, employer or helper, ever needs you to approve a code. If somebody asked you to, refuse.
      </p>
      <label htmlFor={id} className="choice">
        <input id={id} type="checkbox" checked={isSure} onChange={(event) => setSure(event.currentTarget.checked)} />
        <span>This machine is mine, I have just asked for this on it, and its screen shows this very code.</span>
      </label>
      <div className="actions">
        <button type="button" className="plain" disabled={isBusy} onClick={() => onDecision("deny")}>
          Refuse
        </button>
        <button type="button" disabled={!isSure || isBusy} onClick={() => onDecision("approve")}>
          {machine.purpose === "person" ? "Sign it in" : "Link this machine"}
        </button>
      </div>
    </section>
  );
}

function networkInWords(network: string): string {
  if (network.startsWith("127.") || network === "::1::/48") return "the coordinator's own machine, or a proxy before it";
  return network === "unknown" || network === "" ? "a network that is not known" : network;
}

function timeInWords(at: string): string {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? "a time that is not known" : time.toLocaleString();
}
