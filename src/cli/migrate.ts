// Operator command: migrates the database, with a role that owns the tables, and gives the role of the service its rights.
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/config.js';
import { createLogger } from '../logging/logger.js';
import { migrateDatabase } from '../start/services.js';
import { runCommand } from './run-command.js';

const USAGE = `Usage: npm run --silent migrate [-- --grant-to ROLE]

Applies the migrations that the database of DATABASE_URL lacks, and prints how many there were. With --grant-to, the role
gets the rights that a service with MIGRATE=false needs, and no others.
`;

await runCommand({
  usage: USAGE,
  purpose: 'migrate',
  async work() {
    const { values } = parseArgs({
      options: { 'grant-to': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) return undefined;
    const config = loadConfig(undefined, { needsMasterKeys: false });
    return String(await migrateDatabase(config, createLogger('error'), values['grant-to']));
  },
});
