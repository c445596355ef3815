// Exact JSON values: numbers keep their digits, and the printer gives them back. Reading is json-parser.ts.

/** A number as it was written: `1.0`, `1e2` and `18446744073709551615` all survive. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Text that is known to be JSON; `printJson` copies it as it is. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject;

/** Read members through `Object.hasOwn`: a key such as `toString` or `__proto__` is ordinary content here. */
export type JsonObject = { [key: string]: JsonValue };

/** The text is not JSON. The message names the place and the expectation, never anything the text holds. */
export class JsonSyntaxError extends Error {
  override readonly name: string = 'JsonSyntaxError';
}

/** The text nests deeper than allowed; whether it is JSON was not looked into. */
export class JsonDepthError extends JsonSyntaxError {
  override readonly name = 'JsonDepthError';
}

/** True for an object, as opposed to an array, a scalar, or a number kept as text. */
export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}
