// Operator command: removes audit records of opened values that are older than the retention period.
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/config.js';
import { pruneSecretReads } from '../domain/reads/secret-read.js';
import { createLogger } from '../logging/logger.js';
import { openServices } from '../start/services.js';
import { runCommand, UsageError } from './run-command.js';

const USAGE = `Usage: npm run --silent prune-reads [-- --older-than-days N]

Removes records of opened values that are older than READ_RETENTION_DAYS, or N days, and prints how many. The service
does the same once an hour.
`;

await runCommand({
  usage: USAGE,
  purpose: 'remove records',
  async work() {
    const { values } = parseArgs({
      options: { 'older-than-days': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) return undefined;
    const days = values['older-than-days'];
    if (days !== undefined && !/^\d{1,5}$/.test(days)) throw new UsageError('Expected --older-than-days N');
    const config = loadConfig();
    const services = await openServices(config, createLogger('error'));
    try {
      return String(await pruneSecretReads(services.db, Number(days ?? config.readRetentionDays)));
    } finally {
      await services.db.close();
    }
  },
});
