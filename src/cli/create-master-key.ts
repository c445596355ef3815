// Operator command: a key file with one fresh master key.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createKeyFile } from '../crypto/key-file.js';
import { explainFailure } from '../start-failure.js';

const USAGE = `Usage: npm run master-key -- FILE

Writes a new key file (mode 0600). Keep a copy apart from the database's backups: without it no value can be opened.
Start the service with MASTER_KEY_FILE=FILE.
`;

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [file] = positionals;
  if (!file || positionals.length > 1) {
    process.stdout.write(USAGE);
    process.exit(1);
  }
  await createKeyFile(resolve(file));
  process.stdout.write(`${resolve(file)}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${explainFailure(error)}\n`);
  process.exit(1);
});
