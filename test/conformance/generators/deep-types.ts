// Generates types as deep as they may be, and deeper: what is around a value counts for whoever has to read it.
import fc from 'fast-check';

interface Wrap {
  type: readonly [open: string, close: string];
  value: readonly [open: string, close: string];
}

const WRAPS: readonly Wrap[] = [
  { type: ['{"type":"List","inner":', '}'], value: ['[', ']'] },
  { type: ['{"type":"Option","inner":', '}'], value: ['', ''] },
  { type: ['{"type":"Tuple","items":[', ']}'], value: ['[', ']'] },
  { type: ['{"type":"Record","fields":[{"name":"a","typ":', '}]}'], value: ['{"a":', '}'] },
  { type: ['{"type":"Variant","cases":[{"name":"a","typ":', '}]}'], value: ['{"a":', '}'] },
  { type: ['{"type":"Result","ok":', '}'], value: ['{"ok":', '}'] },
];

/** The JSON text of a type of 1 to 70 levels, one kind or all mixed, and of a value that fits it. */
export function deepType(): fc.Arbitrary<{ typeText: string; valueText: string }> {
  const mixed = fc.array(fc.constantFrom(...WRAPS), { minLength: 1, maxLength: 69, size: 'max' });
  const alike = fc
    .tuple(fc.constantFrom(...WRAPS), fc.integer({ min: 30, max: 69 }))
    .map(([wrap, levels]) => Array<Wrap>(levels).fill(wrap));
  return fc.oneof(alike, mixed).map((wraps) => ({
    typeText: around('{"type":"Flags","names":["f"]}', wraps, 'type'),
    valueText: around('["f"]', wraps, 'value'),
  }));
}

function around(core: string, wraps: readonly Wrap[], part: keyof Wrap): string {
  return wraps.reduceRight((text, wrap) => wrap[part][0] + text + wrap[part][1], core);
}
