import type { Person } from "../people/auth-api.js";
import { AccountPage } from "./account-page.js";
import { AccountsPage } from "./accounts-page.js";
import { AuditPage } from "./audit-page.js";
import { CodesPage } from "./codes-page.js";
import { MoneyPage } from "./money-page.js";
import { PricesPage } from "./prices-page.js";
import { ProgramPage } from "./program-page.js";

const VIEWS = {
  accounts: "Accounts",
  codes: "Invite codes",
  prices: "Prices",
  money: "Money",
  program: "Provider program",
  audit: "Audit",
} as const;
type View = keyof typeof VIEWS;

/** What operators see and do. Whatever is shown here, the coordinator decides who may. */
export function AdminPage({ person, search }: { readonly person: Person; readonly search: string }) {
  const query = new URLSearchParams(search);
  if (!person.operator) return <p className="card">This page is for operators of this network.</p>;
  const account = query.get("account");
  const view = viewOf(query.get("view"));
  return (
    <>
      <nav aria-label="Administration" className="tabs">
        {(Object.keys(VIEWS) as View[]).map((each) => (
          <a key={each} href={`/admin?view=${each}`} {...(each === view ? { "aria-current": "page" } : {})}>
            {VIEWS[each]}
          </a>
        ))}
      </nav>
      {account === null ? <Shown view={view} query={query} /> : <AccountPage id={account} />}
    </>
  );
}

function Shown({ view, query }: { readonly view: View; readonly query: URLSearchParams }) {
  switch (view) {
    case "codes":
      return <CodesPage />;
    case "prices":
      return <PricesPage />;
    case "money":
      return <MoneyPage />;
    case "program":
      return <ProgramPage />;
    case "audit":
      return <AuditPage target={query.get("target") ?? ""} />;
    default:
      return <AccountsPage text={query.get("q") ?? ""} />;
  }
}

function viewOf(name: string | null): View {
  return name !== null && name in VIEWS ? (name as View) : "accounts";
}
