// The schema in the schema definition language, as it is served and committed.
import { lexicographicSortSchema, printSchema } from 'graphql';
import { schema } from './schema.js';

let text: string | undefined;

export function schemaText(): string {
  text ??= `${printSchema(lexicographicSortSchema(schema))}\n`;
  return text;
}
