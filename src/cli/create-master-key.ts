// Operator command: creates a key file, adds a master key to one, or makes another of its keys the current one.
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createKeyFile } from '../crypto/key-file.js';
import { addMasterKey, useMasterKey } from '../crypto/key-file-change.js';
import { makeFolder } from '../store/engine/folder.js';
import { runCommand, UsageError } from './run-command.js';

const USAGE = `Usage: npm run --silent master-key -- FILE          writes a new key file (mode 0600) with one master key
       npm run --silent master-key -- add FILE      adds a master key and prints its id; it is not used yet
       npm run --silent master-key -- use FILE ID   makes that key the current one, which wraps new data keys

Keep a copy apart from the database's backups: without it no value can be opened. Start the service with
MASTER_KEY_FILE=FILE; it notices changes of the file by itself. With several copies of the file, add the key to all of
them before any of them uses it. Then: npm run rotate -- master-key.
`;

await runCommand({
  usage: USAGE,
  purpose: 'write the key file',
  async work() {
    const { values, positionals } = parseArgs({
      options: { help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    if (values.help) return undefined;
    const [verb, file, id] = positionals;
    if (verb !== undefined && positionals.length === 1) {
      const path = resolve(verb);
      await makeFolder(dirname(path));
      await createKeyFile(path);
      return path;
    }
    if (verb === 'add' && file !== undefined && positionals.length === 2) return addMasterKey(resolve(file));
    if (verb === 'use' && file !== undefined && id !== undefined && positionals.length === 3) {
      await useMasterKey(resolve(file), id);
      return id;
    }
    throw new UsageError('Expected FILE, add FILE, or use FILE ID');
  },
});
