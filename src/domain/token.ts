// Tokens: who a caller is. The secret part is shown once, when it is made; only its hash is stored.
import { createHash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { invalidRequest, limitExceeded, notFound } from '../errors.js';
import { lockAccount } from '../store/account.js';
import type { Database, Session } from '../store/client.js';
import {
  type BearerRow,
  countValidTokens,
  findBearer,
  findToken,
  findTokens,
  findTokensById,
  insertToken,
  removeToken,
  type TokenRow,
} from '../store/token.js';
import { ownAccountOnly } from './access.js';
import { type Actor, actorOf, type Context, newId } from './context.js';
import { isStorableMoment } from './moment.js';
import { checkName } from './name.js';
import { forwardPage, idPlace, type Page, type PageArguments, pageOf } from './page.js';
import { spendItems } from './read-budget.js';

export type Token = TokenRow;

/** Valid tokens per account. */
export const MAX_TOKENS = 1_000;

/** A token that has just been made, with the only copy of its secret. */
export interface CreatedToken {
  token: Token;
  secret: string;
}

/** Seconds for which a token once seen is trusted without asking the database; a revocation is effective within these. */
const TRUSTED_FOR = 3;

export interface BearerCache {
  /** The caller a token text belongs to; undefined for anything but a valid token. */
  authenticate(secret: string): Actor | undefined | Promise<Actor | undefined>;
  /** Forgets what this process trusts, after a revocation here. */
  clear(): void;
}

/** Looks tokens up by hash and trusts the answer for a few seconds. Unknown tokens are not remembered. */
export function createBearerCache(db: Database, max = 10_000): BearerCache {
  const trusted = new LRUCache<string, { actor: Actor; expiresAt: number }>({ max, ttl: TRUSTED_FOR * 1_000 });

  /** Look-ups under way, so that many requests with one token are one. */
  const asked = new Map<string, Promise<Actor | undefined>>();
  /** Counts the calls of `clear`: what was read before one is not remembered after it. */
  let generation = 0;

  async function read(hash: Buffer, key: string): Promise<Actor | undefined> {
    const since = generation;
    const row = await findBearer(db, hash);
    if (!row) return undefined;
    const entry = { actor: actorFrom(row), expiresAt: row.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY };
    if (since === generation) trusted.set(key, entry);
    return unexpired(entry);
  }

  function lookUp(hash: Buffer, key: string): Promise<Actor | undefined> {
    const underway = asked.get(key);
    if (underway) return underway;
    const answer = read(hash, key).finally(() => {
      if (asked.get(key) === answer) asked.delete(key);
    });
    asked.set(key, answer);
    return answer;
  }

  return {
    authenticate(secret) {
      const hash = hashToken(secret);
      const key = hash.toString('latin1');
      const entry = trusted.get(key);
      return entry ? unexpired(entry) : lookUp(hash, key);
    },
    clear() {
      generation += 1;
      trusted.clear();
      asked.clear();
    },
  };
}

function unexpired(entry: { actor: Actor; expiresAt: number }): Actor | undefined {
  return entry.expiresAt > Date.now() ? entry.actor : undefined;
}

function actorFrom(row: BearerRow): Actor {
  return { accountId: row.accountId, tokenId: row.id, isAdmin: row.accountRoles.includes('admin') };
}

/** One of the caller's own tokens, never its secret; TOKEN_NOT_FOUND otherwise. */
export async function getToken(ctx: Context, id: string): Promise<Token> {
  actorOf(ctx);
  const row = await findToken(ctx.services.db, id);
  if (!row) throw notFound('token', id);
  ownAccountOnly(ctx, row.accountId, () => notFound('token', id));
  return row;
}

/** Several of the caller's own at once, in the order of the ids; null in the place of each that is not. */
export async function getTokens(ctx: Context, ids: readonly string[]): Promise<(Token | null)[]> {
  const { accountId } = actorOf(ctx);
  const rows = await findTokensById(ctx.services.db, ids);
  const own = new Map(rows.filter((row) => row.accountId === accountId).map((row) => [row.id, row]));
  return ids.map((id) => own.get(id) ?? null);
}

/** The caller's tokens that are not revoked, oldest first. */
export async function listTokens(ctx: Context, args: PageArguments): Promise<Page<Token>> {
  const { accountId } = actorOf(ctx);
  const request = forwardPage(args, idPlace);
  spendItems(ctx, request.size);
  const rows = await findTokens(ctx.services.db, { accountId, after: request.after ?? null, limit: request.size + 1 });
  return pageOf(request, rows, (token) => token.id);
}

/** For the caller's own account. Refuses: INVALID_REQUEST (name, or an expiry in the past), LIMIT_EXCEEDED. */
export function createToken(
  ctx: Context,
  input: { name: string; expiresAt?: Date | null | undefined },
): Promise<CreatedToken> {
  const { accountId } = actorOf(ctx);
  return ctx.services.db.transaction(async (tx) => {
    if (!(await lockAccount(tx, accountId))) throw notFound('account', accountId);
    const created = await issueToken(tx, { ...input, accountId });
    if ((await countValidTokens(tx, accountId, new Date())) > MAX_TOKENS) {
      throw limitExceeded(`An account may have ${MAX_TOKENS} valid tokens: revoke one first`);
    }
    return created;
  });
}

/** Makes a token for any account, whatever it has: account creation and operator commands. */
export async function issueToken(
  db: Session,
  input: { accountId: string; name: string; expiresAt?: Date | null | undefined },
): Promise<CreatedToken> {
  const name = checkName(input.name);
  const createdAt = new Date();
  const expiresAt = input.expiresAt ?? null;
  if (expiresAt && expiresAt <= createdAt) throw invalidRequest('expiresAt: expected a time in the future');
  if (expiresAt && !isStorableMoment(expiresAt))
    throw invalidRequest('expiresAt: expected a time before the year 10000');
  const secret = `asg_${randomBytes(32).toString('base64url')}`;
  const { accountId } = input;
  const token = await insertToken(db, {
    id: newId(),
    accountId,
    name,
    tokenHash: hashToken(secret),
    createdAt,
    expiresAt,
  });
  return { token, secret };
}

/** Ends a token for good: at once in this process, within seconds in all others. Refuses: TOKEN_NOT_FOUND. */
export async function revokeToken(ctx: Context, input: { id: string }): Promise<Token> {
  const token = await getToken(ctx, input.id);
  const row = await removeToken(ctx.services.db, token.id, new Date());
  ctx.services.bearers.clear();
  if (!row) throw notFound('token', token.id);
  return row;
}

/** Tokens are 256 random bits, so a plain hash cannot be searched backwards. */
function hashToken(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
