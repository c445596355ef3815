// Operator command: a token for an account, and the account with it when there is none of that name.
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.js';
import { createAccountAsOperator } from '../domain/account.js';
import { issueToken } from '../domain/token.js';
import { createLogger } from '../log.js';
import { openServices } from '../services.js';
import { findAccountByName } from '../store/account.js';
import type { Session } from '../store/client.js';
import { runCommand, UsageError } from './run-command.js';

const USAGE = `Usage: npm run --silent token -- --account NAME [--admin] [--expires-in-days N]

Prints a new token of the account NAME, the only time it is shown. Without such an account it is created first;
with --admin it gets the account role admin, which manages accounts and plans.
`;

await runCommand({
  usage: USAGE,
  purpose: 'create a token',
  async work() {
    const { values } = parseArgs({
      options: {
        account: { type: 'string' },
        admin: { type: 'boolean', default: false },
        'expires-in-days': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) return undefined;
    if (!values.account) throw new UsageError('Expected --account NAME');
    const expiresAt = expiryFrom(values['expires-in-days']);
    const services = await openServices(loadConfig(), createLogger('error'));
    try {
      const request = { account: values.account, isAdmin: values.admin, expiresAt };
      return await services.db.transaction((tx) => createToken(tx, request));
    } finally {
      await services.db.close();
    }
  },
});

async function createToken(
  tx: Session,
  { account: name, isAdmin, expiresAt }: { account: string; isAdmin: boolean; expiresAt: Date | undefined },
): Promise<string> {
  const account = await findAccountByName(tx, name);
  if (!account) {
    const created = await createAccountAsOperator(tx, { name, roles: isAdmin ? ['admin'] : [], expiresAt });
    return created.secret;
  }
  if (isAdmin && !account.roles.includes('admin')) {
    throw new Error(`the account ${name} exists without the role admin; an admin can give it with updateAccount`);
  }
  return (await issueToken(tx, { accountId: account.id, name: 'operator', expiresAt })).secret;
}

function expiryFrom(days: string | undefined): Date | undefined {
  if (days === undefined) return undefined;
  if (!/^[1-9]\d{0,4}$/.test(days))
    throw new UsageError('--expires-in-days: expected a whole number of days, 1 or more');
  return new Date(Date.now() + Number(days) * 86_400_000);
}
