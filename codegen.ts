// GraphQL Code Generator: schema/schema.graphql and documents → typed documents, for the REST door and for a frontend.
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

/** A frontend has the numbers of JSON.parse: what must stay exact it reads as text. */
const frontendScalars = {
  UUID: 'string',
  DateTimeISO: 'string',
  Revision: 'number',
  AnalysedType: 'unknown',
  SecretValue: 'unknown',
  AgentSecretDocument: 'unknown',
  AgentSecretDocuments: 'unknown[]',
};

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
