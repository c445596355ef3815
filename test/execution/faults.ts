// Faults to plant in the built code: what the comparison has to notice.

export interface Fault {
  name: string;
  file: string;
  from: string;
  to: string;
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'a null where none may be is passed on',
    file: 'complete.js',
    from: 'if (completed !== null)',
    to: 'if (true)',
  },
  {
    name: 'errors below a place that is null are told',
    file: 'execution.js',
    from: 'if (this.#places.has(place))',
    to: 'if (false)',
  },
  {
    name: 'a plan is used whatever @skip and @include say',
    file: 'documents.js',
    from: "if (value !== undefined && typeof value !== 'boolean')",
    to: 'if (true) continue; if (false)',
  },
  {
    name: 'items that come late change places',
    file: 'fields.js',
    from: 'for (const [offset, each] of items.entries())',
    to: 'for (const [offset, each] of items.reverse().entries())',
  },
  {
    name: 'fields of a type are looked for in the plan of another',
    file: 'plan.js',
    from: 'const known = this.#below?.get(type);',
    to: 'const known = this.#below?.values().next().value;',
  },
];
