// Operator command: creates a token for an account, and the account as well if there is none of that name.
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/config.js';
import { issueToken, MAX_TOKENS, tokenLimits } from '../domain/access/token.js';
import { isScope, SCOPES, type Scope } from '../domain/request/grant.js';
import { createAccountAsOperator, setEmailAsOperator } from '../domain/tenancy/account.js';
import { createLogger } from '../logging/logger.js';
import { openServices } from '../start/services.js';
import { findTokens, type TokenLimits } from '../store/access/token.js';
import type { Session } from '../store/engine/client.js';
import { findAccountByName } from '../store/tenancy/account.js';
import { findEnvironment } from '../store/tenancy/environment.js';
import { environmentIdFrom } from './environment-id.js';
import { runCommand, UsageError } from './run-command.js';

const USAGE = `Usage: npm run --silent token -- --account NAME [--email EMAIL] [--admin] [--expires-in-days N]
         [--scope SCOPE]... [--environment ID] [--path-prefix PATH]...

Prints a new token of the account NAME, the only time it is shown. Without such an account it is created first;
with --admin it gets the account role admin, which manages accounts and plans. With --email the account has
this email from then on.

The token may do what its account may, unless it is limited: to scopes (${SCOPES.join(', ')}), to one
environment, to secrets at or below dotted paths such as payments.mainDb.
`;

await runCommand({
  usage: USAGE,
  purpose: 'create a token',
  async work() {
    const { values } = parseArgs({
      options: {
        account: { type: 'string' },
        email: { type: 'string' },
        admin: { type: 'boolean', default: false },
        'expires-in-days': { type: 'string' },
        scope: { type: 'string', multiple: true },
        environment: { type: 'string' },
        'path-prefix': { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) return undefined;
    if (!values.account) throw new UsageError('Expected --account NAME');
    const expiresAt = expiryFrom(values['expires-in-days']);
    const limits = {
      scopes: values.scope?.map(scopeFrom),
      environmentId: idFrom(values.environment),
      pathPrefixes: values['path-prefix'],
    };
    const services = await openServices(loadConfig(), createLogger('error'));
    try {
      const { account, email, admin: isAdmin } = values;
      const request = { account, email, isAdmin, expiresAt, limits: tokenLimits(limits) };
      return await services.db.transaction((tx) => createToken(tx, request));
    } finally {
      await services.db.close();
    }
  },
});

interface TokenRequest {
  account: string;
  email: string | undefined;
  isAdmin: boolean;
  expiresAt: Date | undefined;
  limits: ReturnType<typeof tokenLimits>;
}

async function createToken(tx: Session, request: TokenRequest): Promise<string> {
  const { account: name, email, isAdmin, expiresAt, limits } = request;
  const account = await findAccountByName(tx, name);
  if (limits.environmentId !== null && !(await hasAccess(tx, account?.id, limits.environmentId))) {
    throw new Error(`the account ${name} has no role in an environment ${limits.environmentId}`);
  }
  if (!account) {
    const roles = isAdmin ? ['admin'] : [];
    return (await createAccountAsOperator(tx, { name, email, roles, expiresAt, limits })).secret;
  }
  if (isAdmin && !account.roles.includes('admin')) {
    throw new Error(`the account ${name} exists without the role admin; an admin can give it with updateAccount`);
  }
  if (account.roles.includes('admin') && isUnlimited({ expiresAt: expiresAt ?? null, ...limits })) {
    await warnOfOthers(tx, account);
  }
  if (email !== undefined) await setEmailAsOperator(tx, account.id, email);
  return (await issueToken(tx, { accountId: account.id, name: 'operator', expiresAt, ...limits })).secret;
}

/** Whoever has lost such a token makes another one, and the lost one goes on working. */
async function warnOfOthers(tx: Session, { id: accountId, name }: { id: string; name: string }): Promise<void> {
  const others = (await findTokens(tx, { accountId, after: null, limit: MAX_TOKENS })).filter(isUnlimited).length;
  if (others === 0) return;
  process.stderr.write(
    `Warning: ${name} manages all accounts, and has ${others} other ${others === 1 ? 'token' : 'tokens'} without limits or an end. ` +
      'Revoke those that nobody needs (revokeToken), and limit tokens with --scope and --expires-in-days.\n',
  );
}

function isUnlimited(token: TokenLimits & { expiresAt: Date | null }): boolean {
  const { scopes, environmentId, pathPrefixes, expiresAt } = token;
  const hasAllScopes = scopes === null || SCOPES.every((scope) => scopes.includes(scope));
  return hasAllScopes && environmentId === null && pathPrefixes === null && expiresAt === null;
}

async function hasAccess(tx: Session, accountId: string | undefined, environmentId: string): Promise<boolean> {
  const environment = accountId && (await findEnvironment(tx, { id: environmentId, accountId }));
  return !!environment && (environment.ownerId === accountId || !!environment.shareRoles?.length);
}

function scopeFrom(text: string): Scope {
  if (!isScope(text)) throw new UsageError(`--scope: expected one of ${SCOPES.join(', ')}`);
  return text;
}

function idFrom(text: string | undefined): string | undefined {
  const refusal = new UsageError('--environment: expected the id of an environment');
  return environmentIdFrom(text, refusal);
}

function expiryFrom(days: string | undefined): Date | undefined {
  if (days === undefined) return undefined;
  if (!/^[1-9]\d{0,4}$/.test(days))
    throw new UsageError('--expires-in-days: expected a whole number of days, 1 or more');
  return new Date(Date.now() + Number(days) * 86_400_000);
}
