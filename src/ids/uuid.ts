// The text forms of ids. The canonical one is a UUID of 32 hexadecimal digits in five groups, in lower case.

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What messages show as one. */
export const EXAMPLE_UUID = '01a20640-d042-77d8-a4fc-5bc52814913e';

/** The UUID in lower case, as it is stored and returned; undefined for any other text. */
export function uuidFrom(text: string): string | undefined {
  return UUID.test(text) ? text.toLowerCase() : undefined;
}

const IN_BRACES_OR_URN = /^(?:\{(.{36})\}|urn:uuid:(.{36}))$/i;
const WITHOUT_HYPHENS = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i;

/** The same, also for UUIDs in braces, behind `urn:uuid:`, and without hyphens. */
export function uuidFromAnyForm(text: string): string | undefined {
  const canonical = uuidFrom(text);
  if (canonical !== undefined) return canonical;
  const [, inBraces, inUrn] = IN_BRACES_OR_URN.exec(text) ?? [];
  const groups = WITHOUT_HYPHENS.exec(text)?.slice(1);
  return uuidFrom(inBraces ?? inUrn ?? groups?.join('-') ?? '');
}

const DIGITS = Buffer.from('0123456789abcdef');
const buffer = Buffer.alloc(36, '-');
/** Offset of each of the 16 bytes in the text. */
const OFFSETS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/**
 * The text of an id, as one flat string. If it were concatenated digit by digit, V8 would keep it as a tree of its
 * parts, which the garbage collector has to traverse for as long as the id is kept. That cost a by-id read 5 %, because
 * ids are kept until the read audit has stored them.
 */
export function uuidText(bytes: Uint8Array): string {
  OFFSETS.forEach((offset, index) => {
    const byte = bytes[index] as number;
    buffer[offset] = DIGITS[byte >> 4] as number;
    buffer[offset + 1] = DIGITS[byte & 15] as number;
  });
  return buffer.toString('latin1');
}
