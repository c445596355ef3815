// Operator command: a token for an account, and the account with it when there is none of that name.
import { parseArgs } from 'node:util';
import { loadConfig } from '../config.js';
import { createAccountAsOperator } from '../domain/account.js';
import { issueToken } from '../domain/token.js';
import { createLogger } from '../log.js';
import { openServices } from '../services.js';
import { explainFailure } from '../start-failure.js';
import { findAccountByName } from '../store/account.js';
import type { Session } from '../store/client.js';

const USAGE = `Usage: npm run token -- --account NAME [--admin] [--expires-in-days N]

Prints a new token of the account NAME, the only time it is shown. Without such an account it is created first;
with --admin it gets the account role admin, which manages accounts and plans.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      account: { type: 'string' },
      admin: { type: 'boolean', default: false },
      'expires-in-days': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || !values.account) {
    process.stdout.write(USAGE);
    process.exit(values.help ? 0 : 1);
  }
  const expiresAt = expiryFrom(values['expires-in-days']);
  const config = loadConfig();
  const services = await openServices(config, createLogger('error'));
  try {
    const request = { account: values.account, isAdmin: values.admin, expiresAt };
    const secret = await services.db.transaction((tx) => createToken(tx, request));
    process.stdout.write(`${secret}\n`);
  } finally {
    await services.db.close();
  }
}

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
  if (!/^[1-9]\d{0,4}$/.test(days)) throw new Error('--expires-in-days: expected a whole number of days, 1 or more');
  return new Date(Date.now() + Number(days) * 86_400_000);
}

main().catch((error: unknown) => {
  process.stderr.write(`${explainFailure(error)}\n`);
  process.exit(1);
});
