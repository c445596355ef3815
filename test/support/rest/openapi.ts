// Answers against an OpenAPI document, ours or the original's: is the status declared, do headers and body fit?
import { Ajv, type AnySchemaObject } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Answer } from './app.js';

interface Header {
  required?: boolean;
  schema: AnySchemaObject;
}

interface DeclaredResponse {
  headers?: Record<string, Header>;
  content?: Record<string, { schema: AnySchemaObject }>;
}

interface Operation {
  operationId: string;
  responses: Record<string, DeclaredResponse>;
}

export interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, AnySchemaObject>; responses?: Record<string, DeclaredResponse> };
}

export interface Checker {
  /** Statuses by operation id. */
  statuses: Record<string, string[]>;
  /** What is wrong with an answer of an operation; nothing when it is as declared. */
  problems(operationId: string, answer: Answer): string[];
  /** The same against a schema of the document's components. */
  problemsWith(schemaName: string, answer: Answer): string[];
}

export function openApiChecker(document: OpenApi): Checker {
  const operations = new Map(
    Object.values(document.paths)
      .flatMap((path) => Object.values(path))
      .flatMap((operation) => (operation.operationId ? [[operation.operationId, operation] as const] : [])),
  );
  // Known keywords and formats only: discriminators and examples are for people, int64 is in the integers’ limits, and the original has uint64.
  const options = { strict: false, allErrors: true, formats: { int64: true, uint64: true } } as const;
  const ajv = document.openapi.startsWith('3.0') ? new Ajv(options) : new Ajv2020(options);
  (addFormats as unknown as (to: typeof ajv) => void)(ajv);
  ajv.addSchema({ components: document.components }, 'document');

  function bodyProblems(schema: AnySchemaObject, answer: Answer): string[] {
    // JSON.parse rounds the digits of large integers, which changes nothing about types and required keys.
    if (ajv.validate(absolute(schema) as AnySchemaObject, JSON.parse(answer.text))) return [];
    return (ajv.errors ?? []).map(
      ({ instancePath, message }) => `${instancePath || 'body'} ${message}: ${answer.text}`,
    );
  }

  return {
    statuses: Object.fromEntries(
      [...operations].map(([id, { responses }]) => [id, Object.keys(responses).sort()] as const),
    ),
    problems(operationId, answer) {
      const declared = operations.get(operationId)?.responses[answer.status];
      if (!declared) return [`${operationId} ${answer.status} is not declared: ${answer.text}`];
      const headers = Object.entries(declared.headers ?? {}).flatMap(([name, header]) =>
        headerProblems(name, header, answer.headers[name.toLowerCase()]),
      );
      const told = (problem: string) => `${operationId} ${answer.status}: ${problem}`;
      if (!declared.content) return [...headers, ...(answer.text === '' ? [] : ['has a body'])].map(told);
      const type = Object.entries(declared.content).find(([name]) => essence(name) === essenceOf(answer));
      if (!type) return [`${operationId} ${answer.status} is not declared as ${answer.headers['content-type']}`];
      return [...headers, ...bodyProblems(type[1].schema, answer)].map(told);
    },
    problemsWith: (name, answer) => bodyProblems({ $ref: `#/components/schemas/${name}` }, answer),
  };

  function headerProblems(name: string, { required, schema }: Header, text: string | undefined): string[] {
    if (text === undefined) return required ? [`${name} is missing`] : [];
    const value = schema.type === 'integer' ? Number(text) : text;
    return ajv.validate(absolute(schema) as AnySchemaObject, value) ? [] : [`${name} is ${text}`];
  }
}

/** The same schema with references to the document, wherever it is used. */
function absolute(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(absolute);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, member]) => [key, key === '$ref' ? `document${member}` : absolute(member)]),
  );
}

function essence(type: string): string {
  return (type.split(';')[0] as string).trim();
}

function essenceOf(answer: Answer): string {
  return essence(answer.headers['content-type'] ?? '');
}
