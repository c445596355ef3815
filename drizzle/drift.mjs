// Fails when src/store/engine/tables.ts says what no migration does. `drizzle-kit check` only looks for migrations that collide.
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { generateDrizzleJson } from 'drizzle-kit/api';

const read = (file) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));

const [number] = read('meta/_journal.json').entries.at(-1).tag.split('_');
const now = JSON.parse(JSON.stringify(generateDrizzleJson(await import('../dist/store/engine/tables.js'))));
const last = read(`meta/${number}_snapshot.json`);
// Every snapshot has ids of its own.
if (!isDeepStrictEqual({ ...now, id: '', prevId: '' }, { ...last, id: '', prevId: '' })) {
  process.stderr.write('src/store/engine/tables.ts is ahead of the migrations in drizzle/\n');
  process.stderr.write('Run `npm run db:generate`, read the migration, and commit it\n');
  process.exitCode = 1;
}
