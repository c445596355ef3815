// The type that a secret declares: its representation in memory, its canonical JSON text and its description for
// people.
import { printJson } from '../../json/print.js';

export const SCALARS = [
  'Str',
  'Chr',
  'F64',
  'F32',
  'U64',
  'S64',
  'U32',
  'S32',
  'U16',
  'S16',
  'U8',
  'S8',
  'Bool',
] as const;
export const COMPOUNDS = ['List', 'Option', 'Tuple', 'Record', 'Variant', 'Enum', 'Flags', 'Result', 'Handle'] as const;

/** The 22 names that a type document may have under `type`. */
export const TYPE_KINDS = [...SCALARS, ...COMPOUNDS] as const;

export type ScalarKind = (typeof SCALARS)[number];
export type TypeKind = (typeof TYPE_KINDS)[number];

/** A field of a record. Also a case of a variant, whose type may be missing. */
export interface Member<Type extends AnalysedType | undefined = AnalysedType> {
  readonly name: string;
  readonly typ: Type;
}

interface Named {
  readonly name: string | undefined;
  readonly owner: string | undefined;
}

/**
 * A checked type. Only `parseAnalysedType` may create one, because it derives some parts in advance to make checking
 * values fast. Where a type declares a name twice, the first declaration counts; `distinct`, `byName`, `known` and
 * `positions` hold that one.
 */
export type AnalysedType =
  | { readonly type: ScalarKind }
  | (Named & { readonly type: 'List'; readonly inner: AnalysedType })
  | (Named & { readonly type: 'Option'; readonly inner: AnalysedType })
  | (Named & { readonly type: 'Tuple'; readonly items: readonly AnalysedType[] })
  | (Named & { readonly type: 'Record'; readonly fields: readonly Member[]; readonly distinct: readonly Member[] })
  | (Named & { readonly type: 'Variant'; readonly cases: readonly Case[]; readonly byName: ReadonlyMap<string, Case> })
  | (Named & { readonly type: 'Enum'; readonly cases: readonly string[]; readonly known: ReadonlySet<string> })
  | (Named & {
      readonly type: 'Flags';
      readonly names: readonly string[];
      readonly positions: ReadonlyMap<string, number>;
    })
  | (Named & { readonly type: 'Result'; readonly ok: AnalysedType | undefined; readonly err: AnalysedType | undefined })
  | (Named & { readonly type: 'Handle'; readonly resourceId: bigint; readonly mode: 'Owned' | 'Borrowed' });

/** The member of the union with the given kind, for example `TypeOf<'Record'>`. */
export type TypeOf<Kind extends TypeKind> = Extract<AnalysedType, { readonly type: Kind }>;

export type Case = Member<AnalysedType | undefined>;
export type Compound = Exclude<AnalysedType, { readonly type: ScalarKind }>;

/**
 * The canonical document as JSON text: `type` comes first, only known keys are present, and absent optional ones are
 * omitted.
 */
export function printAnalysedType(type: AnalysedType): string {
  return printJson(documentOf(type));
}

function documentOf(type: AnalysedType | undefined): unknown {
  if (type === undefined) return undefined;
  if (!('name' in type)) return { type: type.type };
  return { type: type.type, ...partsOf(type), name: type.name, owner: type.owner };
}

function partsOf(type: Compound): Record<string, unknown> {
  switch (type.type) {
    case 'List':
    case 'Option':
      return { inner: documentOf(type.inner) };
    case 'Tuple':
      return { items: type.items.map(documentOf) };
    case 'Record':
      return { fields: type.fields.map(memberDocument) };
    case 'Variant':
      return { cases: type.cases.map(memberDocument) };
    case 'Enum':
      return { cases: type.cases };
    case 'Flags':
      return { names: type.names };
    case 'Result':
      return { ok: documentOf(type.ok), err: documentOf(type.err) };
    case 'Handle':
      return { resource_id: type.resourceId, mode: type.mode };
  }
}

function memberDocument(member: Case): unknown {
  return { name: member.name, typ: documentOf(member.typ) };
}

/**
 * The type in WIT (WebAssembly Interface Types) syntax: `record { host: string, port: u16 }`, `result<_, u8>`,
 * `own<cart>`.
 */
export function describeAnalysedType(type: AnalysedType): string {
  switch (type.type) {
    case 'List':
      return `list<${describeAnalysedType(type.inner)}>`;
    case 'Option':
      return `option<${describeAnalysedType(type.inner)}>`;
    case 'Tuple':
      return `tuple<${type.items.map(describeAnalysedType).join(', ')}>`;
    case 'Record':
      return withBraces(
        'record',
        type.fields.map((field) => `${field.name}: ${describeAnalysedType(field.typ)}`),
      );
    case 'Variant':
      return withBraces('variant', type.cases.map(describeCase));
    case 'Enum':
      return withBraces('enum', type.cases);
    case 'Flags':
      return withBraces('flags', type.names);
    case 'Result':
      return describeResult(type);
    case 'Handle':
      return `${type.mode === 'Owned' ? 'own' : 'borrow'}<${type.name ?? `resource-${type.resourceId}`}>`;
    case 'Str':
      return 'string';
    case 'Chr':
      return 'char';
    default:
      return type.type.toLowerCase();
  }
}

function withBraces(word: string, parts: readonly string[]): string {
  return parts.length === 0 ? `${word} {}` : `${word} { ${parts.join(', ')} }`;
}

function describeCase({ name, typ }: Case): string {
  return typ === undefined ? name : `${name}(${describeAnalysedType(typ)})`;
}

function describeResult({ ok, err }: TypeOf<'Result'>): string {
  const left = ok === undefined ? '_' : describeAnalysedType(ok);
  if (err !== undefined) return `result<${left}, ${describeAnalysedType(err)}>`;
  return ok === undefined ? 'result' : `result<${left}>`;
}
