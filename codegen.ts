// GraphQL Code Generator: schema/schema.graphql and documents → typed documents, for the REST door and for a frontend.
import { readFileSync } from 'node:fs';
import type { CodegenConfig } from '@graphql-codegen/cli';

const scalars = {
  UUID: 'string',
  DateTimeISO: 'string',
  Revision: { input: "import('../json/exact.js').JsonNumber | bigint", output: 'bigint' },
  AnalysedType: { input: "import('../json/exact.js').JsonValue", output: "import('../json/exact.js').RawJson" },
  SecretValue: { input: "import('../json/exact.js').JsonValue", output: "import('../json/exact.js').RawJson" },
  AgentSecretDocument: { input: 'never', output: "import('../json/exact.js').RawJson" },
  AgentSecretDocuments: { input: 'never', output: "import('../json/exact.js').RawJson[]" },
};

const frontendScalars = JSON.parse(readFileSync('schema/scalars.json', 'utf8'));

const config: CodegenConfig = {
  schema: 'schema/schema.graphql',
  generates: {
    'src/rest/operations.generated.ts': {
      documents: 'src/rest/*.graphql',
      plugins: ['typescript-operations', 'typed-document-node'],
      config: { scalars, useTypeImports: true, enumsAsTypes: true, dedupeFragments: true },
    },
    'test/graphql/schema/frontend.generated.ts': {
      documents: 'test/graphql/schema/frontend.graphql',
      plugins: ['typescript-operations', 'typed-document-node'],
      config: { scalars: frontendScalars, useTypeImports: true, enumsAsTypes: true },
    },
  },
};

export default config;
