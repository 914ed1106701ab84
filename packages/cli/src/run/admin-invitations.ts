import { API_ANSWERS } from "@umbel/coordinator/answers";
import { createOutput, table } from "../output.js";
import { adminCall, asOperator, type PublishingOptions } from "../publishing/admin-call.js";

const { invitationList, issuedInvitation, revokedInvitation } = API_ANSWERS;
const PATH = "/invitations";

/** `umbel admin invitations create`. */
export async function invite(email: string, options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const remedy = "Give one e-mail address.";
  const call = { method: "POST", pathname: PATH, body: { email }, answer: issuedInvitation, remedy } as const;
  const invitation = await adminCall(await asOperator(options), call);
  output.result(invitation);
  output.line(`${invitation.email} may make an account until ${invitation.expires_at}, at ${invitation.link}`);
}

/** `umbel admin invitations list`. */
export async function listInvitations(options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const list = await adminCall(await asOperator(options), { method: "GET", pathname: PATH, answer: invitationList });
  output.result(list);
  output.line(
    list.data.length === 0
      ? "Nobody is invited. Invite somebody with: umbel admin invitations create <email>"
      : table(
          ["ID", "E-MAIL", "STATE", "UNTIL", "ACCOUNT"],
          list.data.map(({ id, email, status, expires_at, account_id }) => [id, email, status, expires_at, account_id ?? ""]),
        ),
  );
}

/** `umbel admin invitations revoke`. */
export async function revokeInvitation(id: string, options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const remedy = "See them with: umbel admin invitations list";
  const call = { method: "DELETE", pathname: `${PATH}/${encodeURIComponent(id)}`, answer: revokedInvitation, remedy } as const;
  output.result(await adminCall(await asOperator(options), call));
  output.line(`Revoked ${id}.`);
}
