// One of the processes of npm run bench:seed: fills its share of the environments, and ends.
import { once } from 'node:events';
import { loadConfig } from '../../../src/config/config.js';
import { createLogger } from '../../../src/logging/logger.js';
import { openServices } from '../../../src/start/services.js';
import { fillEnvironments, type Share } from './seed.js';

const [share] = (await once(process, 'message')) as [Share];
// The parent is gone: whatever the reason, so is the need for this process.
let isDone = false;
process.once('disconnect', () => process.exit(isDone ? 0 : 1));
const services = await openServices(
  loadConfig({ ...process.env, DATABASE_URL: share.databaseUrl }),
  createLogger('error'),
);
await fillEnvironments(services, share, (environment) => process.send?.(environment));
await services.db.close();
isDone = true;
// Behind everything that was sent.
process.disconnect();
