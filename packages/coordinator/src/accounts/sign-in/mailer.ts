/** One letter, in plain text. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Sends letters behind whoever asked for them, so that how long an answer takes does not tell whether one was sent. */
export interface Mailer {
  /** Returns at once. A letter that cannot be sent is reported, and its person asks for another. */
  send(mail: Mail): void;
  /** Waits for letters under way. */
  close(): Promise<void>;
}

export const MAIL_LIMITS = {
  /** Letters that wait for the server at most; further ones are dropped, and reported. */
  waiting_max: 500,
  connect_ms: 10_000,
  answer_ms: 30_000,
} as const;

export type MailEvent = { readonly type: "failed"; readonly error: unknown } | { readonly type: "dropped" };

interface MailerOptions {
  /** Hands one letter over. @throws when it was not taken */
  readonly deliver: (mail: Mail) => Promise<void>;
  readonly onEvent: (event: MailEvent) => void;
}

/** One letter after the other. */
export function createMailer({ deliver, onEvent }: MailerOptions): Mailer {
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();
  return {
    send(mail) {
      if (waiting >= MAIL_LIMITS.waiting_max) return onEvent({ type: "dropped" });
      waiting += 1;
      last = last
        .then(() => deliver(mail))
        .catch((error: unknown) => onEvent({ type: "failed", error }))
        .finally(() => {
          waiting -= 1;
        });
    },
    close: () => last,
  };
}

/** @param url `smtp://` or `smtps://`, with user and password if the server wants them @param from address that letters come from */
export function smtpDelivery(url: string, from: string): (mail: Mail) => Promise<void> {
  return async ({ to, subject, text }) => {
    const { createTransport } = await import("nodemailer");
    const server = createTransport(url, { from });
    server.set("connectionTimeout", MAIL_LIMITS.connect_ms);
    try {
      await server.sendMail({ to, subject, text });
    } finally {
      server.close();
    }
  };
}
