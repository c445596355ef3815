// This is one of the processes of `npm run bench:seed`: it fills its share of the environments and then ends.
import { once } from 'node:events';
import { loadConfig } from '../../../src/config/config.js';
import { createLogger } from '../../../src/logging/logger.js';
import { openServices } from '../../../src/start/services.js';
import { fillEnvironments, type Share } from './seed.js';

const [share] = (await once(process, 'message')) as [Share];
// When the parent process has ended for any reason, this process is no longer needed.
let isDone = false;
process.once('disconnect', () => process.exit(isDone ? 0 : 1));
const services = await openServices(
  loadConfig({ ...process.env, DATABASE_URL: share.databaseUrl }),
  createLogger('error'),
);
await fillEnvironments(services, share, (environment) => process.send?.(environment));
await services.db.close();
isDone = true;
// The channel closes after everything that was sent.
process.disconnect();
