import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { createMailer, MAIL_LIMITS, type Mail, type MailEvent, smtpDelivery } from "./mailer.js";

const LETTER: Mail = { to: "ada@example.org", subject: "A code", text: "It is 123456." };

/** A mail server as far as one letter goes (RFC 5321). */
async function mailServer() {
  const lines: string[] = [];
  const server = createServer((socket) => {
    let isData = false;
    socket.write("220 mail.example.org\r\n");
    socket.on("data", (data) => {
      for (const line of data.toString().split("\r\n").slice(0, -1)) {
        lines.push(line);
        if (isData && line !== ".") continue;
        if (line === "DATA") socket.write("354 go on\r\n");
        else if (line === "QUIT") socket.end("221 bye\r\n");
        else socket.write("250 ok\r\n");
        isData = line === "DATA";
      }
    });
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return { url: `smtp://127.0.0.1:${port}`, lines, close: () => server.close() };
}

describe("mail", () => {
  it("goes to the server with its sender, its receiver and its text", async () => {
    const server = await mailServer();
    const events: MailEvent[] = [];
    const mailer = createMailer({
      deliver: smtpDelivery(server.url, "Umbel <umbel@example.org>"),
      onEvent: (event) => void events.push(event),
    });
    mailer.send(LETTER);
    await mailer.close();
    server.close();
    expect(events).toEqual([]);
    expect(server.lines).toEqual(
      expect.arrayContaining(["MAIL FROM:<umbel@example.org>", "RCPT TO:<ada@example.org>", "Subject: A code", "It is 123456."]),
    );
  });

  it("that cannot be sent is reported, and the next one is tried", async () => {
    const events: MailEvent[] = [];
    const sent: Mail[] = [];
    const deliver = async (mail: Mail) => {
      if (mail.subject === "bad") throw new Error("refused");
      sent.push(mail);
    };
    const mailer = createMailer({ deliver, onEvent: (event) => void events.push(event) });
    mailer.send({ ...LETTER, subject: "bad" });
    mailer.send(LETTER);
    await mailer.close();
    expect({ events, sent }).toMatchObject({ events: [{ type: "failed" }], sent: [LETTER] });
  });

  it("does not pile up behind a server that is gone", async () => {
    const events: MailEvent[] = [];
    const mailer = createMailer({ deliver: () => new Promise(() => undefined), onEvent: (event) => void events.push(event) });
    for (let n = 0; n < MAIL_LIMITS.waiting_max + 3; n++) mailer.send(LETTER);
    expect(events).toEqual([{ type: "dropped" }, { type: "dropped" }, { type: "dropped" }]);
  });
});
