// Operator command: a key file with one fresh master key.
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createKeyFile } from '../crypto/key-file.js';
import { makeFolder } from '../store/folder.js';
import { runCommand, UsageError } from './run-command.js';

const USAGE = `Usage: npm run --silent master-key -- FILE

Writes a new key file (mode 0600), and prints its path. Keep a copy apart from the database's backups: without it no
value can be opened. Start the service with MASTER_KEY_FILE=FILE.
`;

await runCommand({
  usage: USAGE,
  purpose: 'create the key file',
  async work() {
    const { values, positionals } = parseArgs({
      options: { help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    if (values.help) return undefined;
    const [file] = positionals;
    if (!file || positionals.length > 1) throw new UsageError('Expected one FILE');
    const path = resolve(file);
    await makeFolder(dirname(path));
    await createKeyFile(path);
    return path;
  },
});
