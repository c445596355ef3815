// Writes the contract files in schema/ from the code. With --check it compares them instead.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { GraphQLSchema } from 'graphql';

/**
 * Each printer imports its modules only when it is called: those of REST cannot be loaded until their typed documents
 * match the schema that is printed here.
 */
const PRINTERS: Record<string, () => Promise<string>> = {
  'schema/schema.graphql': async () => (await import('../graphql/schema-text.js')).schemaText(),
  'schema/possible-types.json': async () =>
    asJson((await import('../graphql/client-files.js')).possibleTypesOf(await sortedSchema())),
  'schema/scalars.json': async () =>
    asJson((await import('../graphql/client-files.js')).scalarTypesOf(await sortedSchema())),
  'schema/openapi.json': async () => (await import('../rest/openapi/openapi.js')).printOpenApi(),
  'schema/openapi-3.0.json': async () => (await import('../rest/openapi/openapi-3-0.js')).printOpenApi30(),
};

async function sortedSchema(): Promise<GraphQLSchema> {
  const { schema } = await import('../graphql/schema.js');
  return (await import('graphql')).lexicographicSortSchema(schema);
}

function asJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true });
  const files = positionals.length > 0 ? positionals : Object.keys(PRINTERS);
  let drifted = 0;
  for (const file of files) {
    const print = PRINTERS[file];
    if (!print) throw new Error(`Unknown: ${file}. The contract files are ${Object.keys(PRINTERS).join(', ')}`);
    if (!values.check) {
      await writeFile(file, await print());
      continue;
    }
    const line = firstDifference(await readFile(file, 'utf8').catch(() => ''), await print());
    if (line === undefined) continue;
    drifted += 1;
    process.stderr.write(`${file} is not what the code says, from line ${line} on\n`);
  }
  if (drifted > 0) process.stderr.write('Run `npm run contract`, read the difference, and commit it\n');
  return drifted > 0 ? 1 : 0;
}

/** The number of the first line in which two texts differ. */
function firstDifference(a: string, b: string): number | undefined {
  if (a === b) return undefined;
  const [left, right] = [a.split('\n'), b.split('\n')];
  return left.findIndex((line, index) => line !== right[index]) + 1 || left.length + 1;
}

process.exitCode = await main();
