// This is `npm run differential`: compares planned documents with graphql-js, as often as asked. `--faults` plants five
// faults, one at a time, in a copy of the built code, and fails when one of them is not noticed.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { differenceOf, takingRejections } from './difference.js';
import { FAULTS } from './faults.js';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    faults: { type: 'boolean', default: false },
  },
});

async function compare(cases: number, firstSeed: number): Promise<boolean> {
  const sum = { executed: 0, planned: 0, failing: 0, differing: 0 };
  for (let seed = firstSeed; sum.executed < cases; seed += 1) {
    const { executed, planned, failing, difference } = await differenceOf(seed);
    sum.executed += executed;
    sum.planned += planned;
    sum.failing += failing;
    if (seed % 10_000 === 0) process.stderr.write(`${sum.executed} executions, ${sum.differing} differ\n`);
    if (difference === undefined) continue;
    sum.differing += 1;
    process.stdout.write(`${difference}\n\n`);
    if (sum.differing === 5) break;
  }
  const { executed, planned, failing, differing } = sum;
  process.stdout.write(`${executed} executions, ${planned} planned, ${failing} with errors: ${differing} differ\n`);
  return differing === 0;
}

/** Whether every planted fault is noticed. */
function plant(cases: number): boolean {
  const built = join(dirname(fileURLToPath(import.meta.url)), '../..');
  let isEachNoticed = true;
  for (const { name, file, from, to } of FAULTS) {
    // Beside the original, so that the same packages are found.
    const copy = mkdtempSync(join(built, '../fault-'));
    try {
      cpSync(built, copy, { recursive: true });
      const path = join(copy, 'src/graphql/execution', file);
      const code = readFileSync(path, 'utf8');
      if (code.split(from).length !== 2) throw new Error(`${name}: its place is not there exactly once`);
      writeFileSync(path, code.replace(from, to));
      const run = spawnSync(process.execPath, [join(copy, 'test/execution/run.js'), '--cases', `${cases}`], {
        encoding: 'utf8',
      });
      const isNoticed = run.status === 1 && run.stdout.includes('by graphql-js:');
      process.stdout.write(`${name}: ${isNoticed ? 'noticed' : 'NOT noticed'}\n${isNoticed ? '' : run.stderr}`);
      isEachNoticed &&= isNoticed;
    } finally {
      rmSync(copy, { recursive: true });
    }
  }
  return isEachNoticed;
}

takingRejections();
const isFine = values.faults ? plant(Number(values.cases)) : await compare(Number(values.cases), Number(values.seed));
process.exitCode = isFine ? 0 : 1;
