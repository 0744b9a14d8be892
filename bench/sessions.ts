import { randomBytes } from 'node:crypto';
import session, { type SessionData } from 'express-session';

const ONE_DAY = 86_400_000;

/** What the benchmark keeps in a session. */
export type AppSession = SessionData & { user?: string; views?: number; padding?: string };

/** The Cookie class that express-session gives to stores; its types do not tell that it is exported. */
const { Cookie } = session as unknown as { Cookie: new (options: { maxAge: number }) => SessionData['cookie'] };

/** As long and as random as the ids that express-session makes. */
export function makeIds(count: number): string[] {
  return Array.from({ length: count }, () => randomBytes(24).toString('base64url'));
}

/** A session whose JSON has `bytes` characters, or as few above that as it needs. */
export function makeSession(bytes: number, user = randomBytes(6).toString('hex')): AppSession {
  const made = { cookie: new Cookie({ maxAge: ONE_DAY }), ...makeData(0, user) };
  return { ...made, ...makeData(bytes - JSON.stringify(made).length, user) };
}

/** What an app keeps in a session, with so many characters of padding. */
export function makeData(padding: number, user: string): { user: string; views: number; padding: string } {
  return { user, views: 0, padding: 'x'.repeat(Math.max(0, padding)) };
}

/** What express-session does to a session at the end of each request: the same life again, from now. */
export function renew(session: SessionData): void {
  session.cookie.maxAge = ONE_DAY;
}
