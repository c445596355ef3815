// Operator command: makes a key file, adds a master key to it, or makes another of its keys current.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createKeyFile } from '../crypto/key-file.js';
import { addMasterKey, useMasterKey } from '../crypto/key-file-change.js';
import { explainFailure } from '../start-failure.js';

const USAGE = `Usage: npm run master-key -- FILE          writes a new key file (mode 0600) with one master key
       npm run master-key -- add FILE      adds a master key and prints its id; it is not used yet
       npm run master-key -- use FILE ID   makes that key the current one, which wraps new data keys

Keep a copy apart from the database's backups: without it no value can be opened. Start the service with
MASTER_KEY_FILE=FILE; it notices changes of the file by itself. With several copies of the file, add the key to all of
them before any of them uses it. Then: npm run rotate -- master-key.
`;

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [verb, file, id] = positionals;
  if (verb !== undefined && positionals.length === 1) {
    await createKeyFile(resolve(verb));
    process.stdout.write(`${resolve(verb)}\n`);
  } else if (verb === 'add' && file !== undefined && positionals.length === 2) {
    process.stdout.write(`${await addMasterKey(resolve(file))}\n`);
  } else if (verb === 'use' && file !== undefined && id !== undefined && positionals.length === 3) {
    await useMasterKey(resolve(file), id);
    process.stdout.write(`${id}\n`);
  } else {
    process.stdout.write(USAGE);
    process.exit(1);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${explainFailure(error)}\n`);
  process.exit(1);
});
