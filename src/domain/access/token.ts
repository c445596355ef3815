// API tokens, which identify callers. The secret part is returned once, when the token is created; only its hash is
// stored.
import { randomBytes } from 'node:crypto';
import { AppError } from '../../errors/errors.js';
import { forbidden, invalidRequest, limitExceeded, notFound, unauthorized } from '../../errors/refusals.js';
import { newId } from '../../ids/new-id.js';
import type { SecurityLog } from '../../logging/security-log.js';
import { type BearerRow, findBearer, updateLastUsed } from '../../store/access/caller.js';
import {
  countValidTokens,
  findToken,
  findTokens,
  findTokensById,
  insertToken,
  removeToken,
  type TokenLimits,
  type TokenRow,
} from '../../store/access/token.js';
import type { Database, Session } from '../../store/engine/client.js';
import { lockAccount } from '../../store/tenancy/account.js';
import { type Actor, actorOf, hasEnded, managerOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { grantFrom, isAccountWide, SCOPES, type Scope } from '../request/grant.js';
import { spendItems } from '../request/item-budget.js';
import { isStorableMoment } from '../request/moment.js';
import { checkName } from '../request/name.js';
import { edgesBy, forwardPage, idKey, type Page, type PageArguments, pageOf } from '../request/page.js';
import type { CredentialCache } from '../request/services.js';
import { createCredentialCache, hashSecret } from './credential-cache.js';
import { accessEnvironment } from './environment-access.js';
import { reauthenticated } from './reauthentication.js';
import { expiryOfNewToken, type TokenExpiryInput } from './token-expiry.js';

export type Token = TokenRow;

/** A token that has just been revoked. */
export interface RevokedToken extends Token {
  /** How many others were revoked together with it. */
  revokedDescendantCount: number;
}

/** Maximum number of valid tokens per account. */
export const MAX_TOKENS = 1_000;

/** A newly created token with the only copy of its secret. */
export interface CreatedToken {
  token: Token;
  secret: string;
}

/** The resolution with which the last use of a token is recorded. */
const LAST_USED_RESOLUTION_MS = 60_000;

/** A credential cache that looks tokens up by their hash. */
export function createBearerCache(db: Database, security?: SecurityLog, max?: number): CredentialCache {
  /** Coarse, and outside the request: it does no harm if one use is not recorded. */
  function recordLastUse({ id, lastUsedAt }: BearerRow): void {
    const at = new Date();
    if (lastUsedAt && at.getTime() - lastUsedAt.getTime() < LAST_USED_RESOLUTION_MS) return;
    updateLastUsed(db, id, at, new Date(at.getTime() - LAST_USED_RESOLUTION_MS)).catch(() => {});
  }

  return createCredentialCache(async (_, hash) => {
    const row = await findBearer(db, hash);
    if (!row) return undefined;
    const actor = actorFrom(row);
    if (row.revokedAt || hasEnded(actor)) {
      security?.note('revoked_token', { accountId: actor.accountId, tokenId: actor.tokenId });
      return undefined;
    }
    recordLastUse(row);
    return actor;
  }, max);
}

function actorFrom(row: BearerRow): Actor {
  const grant = grantFrom(row);
  // Managing accounts and plans needs a credential for the whole account.
  const isAdmin = row.accountRoles.includes('admin') && isAccountWide(grant);
  return { accountId: row.accountId, tokenId: row.id, isAdmin, grant, expiresAt: row.expiresAt };
}

/** One of the caller's own tokens, without its secret. Throws TOKEN_NOT_FOUND for any other token. */
export async function getToken(ctx: Context, id: string): Promise<Token> {
  actorOf(ctx);
  const row = await findToken(ctx.services.db, id);
  if (!row) throw notFound('token', id);
  if (!isOwn(ctx, row)) throw notFound('token', id);
  return row;
}

/**
 * The token with which the caller has authenticated. Throws TOKEN_NOT_FOUND for a login, and AUTH_UNAUTHORIZED when the
 * token was revoked a moment ago.
 */
export async function getCurrentToken(ctx: Context): Promise<Token> {
  const { tokenId } = actorOf(ctx);
  if (tokenId === null) throw new AppError('TOKEN_NOT_FOUND', 'A login has no token: make one with createToken');
  const row = await findToken(ctx.services.db, tokenId);
  if (!row) throw unauthorized();
  return row;
}

/** The token with which the caller has authenticated; null for a login. */
export async function findCurrentToken(ctx: Context): Promise<Token | null> {
  return actorOf(ctx).tokenId === null ? null : getCurrentToken(ctx);
}

/** Several of the caller's own tokens in the order of the ids, with null for every id that is not one. */
export async function getTokens(ctx: Context, ids: readonly string[]): Promise<(Token | null)[]> {
  actorOf(ctx);
  const rows = await findTokensById(ctx.services.db, ids);
  const own = new Map(rows.filter((row) => isOwn(ctx, row)).map((row) => [row.id, row]));
  return ids.map((id) => own.get(id) ?? null);
}

/** The caller's tokens that are not revoked, oldest first. */
export async function listTokens(ctx: Context, args: PageArguments): Promise<Page<Token>> {
  const { accountId, tokenId, grant } = actorOf(ctx);
  const request = forwardPage(args, idKey);
  spendItems(ctx, request.size);
  if (!isAccountWide(grant)) {
    const own = request.after === undefined && tokenId !== null ? [await getToken(ctx, tokenId)] : [];
    return pageOf(request, own, tokenKey);
  }
  const rows = await findTokens(ctx.services.db, { accountId, after: request.after ?? null, limit: request.size + 1 });
  return pageOf(request, rows, tokenKey);
}

/**
 * Whether the token belongs to the caller's account. A token that covers only a part of the account sees no token
 * except itself.
 */
function isOwn(ctx: Context, token: Token): boolean {
  const { accountId, tokenId, grant } = actorOf(ctx);
  return token.accountId === accountId && (isAccountWide(grant) || token.id === tokenId);
}

export interface CreateTokenInput extends TokenLimitsInput, TokenExpiryInput {
  name: string;
}

export interface TokenLimitsInput {
  /** Absent: all scopes, or all scopes of the token that creates this one. `metadata` is always included. */
  scopes?: readonly Scope[] | null | undefined;
  /** The only environment that the token may access. Absent: all environments that the account may access. */
  environmentId?: string | null | undefined;
  /** Canonical dotted paths; the token covers the secrets at and below them. Absent: all paths. */
  pathPrefixes?: readonly string[] | null | undefined;
}

/** The limits in the form in which they are stored. Throws INVALID_REQUEST (prefixes). */
export function tokenLimits({ scopes, environmentId, pathPrefixes }: TokenLimitsInput): TokenLimits {
  const granted = new Set<Scope>(scopes == null ? SCOPES : ['metadata', ...scopes]);
  return {
    scopes: granted.size === SCOPES.length ? null : [...granted],
    environmentId: environmentId ?? null,
    pathPrefixes: pathPrefixes == null ? null : checkPrefixes(pathPrefixes),
  };
}

/**
 * Creates a token for the caller's own account. It cannot allow more than the caller's own credential, and lasts longer
 * only if a login asks for that. Throws AUTH_FORBIDDEN, INVALID_REQUEST (name, expiry, prefixes),
 * ENVIRONMENT_NOT_FOUND, LIMIT_EXCEEDED.
 */
export async function createToken(ctx: Context, input: CreateTokenInput): Promise<CreatedToken> {
  const {
    accountId,
    tokenId,
    grant,
    expiresAt: callerExpiresAt = null,
  } = managerOf(await reauthenticated(ctx), 'CreateToken');
  const scopes = input.scopes ?? [...grant.scopes];
  const excess = scopes.find((scope) => scope !== 'metadata' && !grant.scopes.has(scope));
  if (excess !== undefined) {
    throw forbidden(`A token cannot have the scope ${excess}, which the token that makes it does not have`);
  }
  const expiresAt = expiryOfNewToken(input, { isLogin: tokenId === null, expiresAt: callerExpiresAt });
  const limits = tokenLimits({ ...input, scopes });
  if (limits.environmentId !== null) await accessEnvironment(ctx, limits.environmentId);
  return ctx.services.db.transaction(async (tx) => {
    if (!(await lockAccount(tx, accountId))) throw notFound('account', accountId);
    // Under the lock that a revocation takes, so that no token comes behind the revocation of its ancestors.
    await reauthenticated(ctx, tx);
    const created = await issueToken(tx, { name: input.name, parentTokenId: tokenId, expiresAt, accountId, ...limits });
    if ((await countValidTokens(tx, accountId, new Date())) > MAX_TOKENS) {
      throw limitExceeded(`An account may have ${MAX_TOKENS} valid tokens: revoke one first`);
    }
    return created;
  });
}

interface IssueTokenInput {
  accountId: string;
  name: string;
  /** The token that makes this one, if a token does. */
  parentTokenId?: string | null;
  expiresAt?: Date | null | undefined;
}

/**
 * Creates a token for any account, without checking a caller and without counting tokens. For account creation and
 * operator commands.
 */
export async function issueToken(db: Session, input: IssueTokenInput & Partial<TokenLimits>): Promise<CreatedToken> {
  const name = checkName(input.name);
  const createdAt = new Date();
  const expiresAt = input.expiresAt ?? null;
  if (expiresAt && expiresAt <= createdAt) throw invalidRequest('expiresAt: expected a time in the future');
  if (expiresAt && !isStorableMoment(expiresAt))
    throw invalidRequest('expiresAt: expected a time before the year 10000');
  const secret = `asg_${randomBytes(32).toString('base64url')}`;
  const { accountId, parentTokenId = null, scopes = null, environmentId = null, pathPrefixes = null } = input;
  const token = await insertToken(db, {
    id: newId(),
    accountId,
    name,
    parentTokenId,
    tokenHash: hashSecret(secret),
    scopes,
    environmentId,
    pathPrefixes,
    createdAt,
    expiresAt,
  });
  return { token, secret };
}

export interface RevokeTokenInput {
  id: string;
  /** Whether to revoke all tokens, too, that were made by it, directly or by others of them. */
  withDescendants?: boolean | null | undefined;
}

/** Revokes a token for good: at once in this process, within seconds in all others. Throws TOKEN_NOT_FOUND. */
export async function revokeToken(ctx: Context, input: RevokeTokenInput): Promise<RevokedToken> {
  const { id, accountId } = await getToken(ctx, input.id);
  // A token may always revoke itself.
  if (id !== actorOf(ctx).tokenId) managerOf(ctx, 'RevokeToken');
  const row = await ctx.services.db.transaction(async (tx) => {
    await lockAccount(tx, accountId);
    return removeToken(tx, { id, at: new Date(), withDescendants: input.withDescendants ?? false });
  });
  ctx.services.bearers.clear();
  if (!row) throw notFound('token', id);
  return row;
}

const MAX_PREFIXES = 20;

function checkPrefixes(prefixes: readonly string[]): string[] {
  if (prefixes.length === 0 || prefixes.length > MAX_PREFIXES) {
    throw invalidRequest(`pathPrefixes: expected 1 to ${MAX_PREFIXES} paths`);
  }
  const problems = prefixes.flatMap((prefix, index) =>
    /^[\p{Alphabetic}\p{N}]+(\.[\p{Alphabetic}\p{N}]+)*$/u.test(prefix) && Buffer.byteLength(prefix) <= 1_024
      ? []
      : [`pathPrefixes[${index}]: expected a canonical dotted path such as \`payments.mainDb\``],
  );
  if (problems.length > 0) throw invalidRequest(...problems);
  return [...new Set(prefixes)];
}

function tokenKey(token: Token): string {
  return token.id;
}

export const tokenEdge = edgesBy(tokenKey);
