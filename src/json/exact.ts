// Types of exact JSON values, in which numbers keep their digits. parse.ts reads them and print.ts prints them.

/** A number as it was written: `1.0`, `1e2` and `18446744073709551615` all keep their text. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Text that is known to be valid JSON; `printJson` copies it unchanged. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject;

/** Check for a member with `Object.hasOwn`: a key such as `toString` or `__proto__` is ordinary content here. */
export type JsonObject = { [key: string]: JsonValue };

/** The text is not valid JSON. The message says where and what was expected; it never quotes the text. */
export class JsonSyntaxError extends Error {
  override readonly name: string = 'JsonSyntaxError';
}

/** The text is nested deeper than allowed. Whether it is otherwise valid JSON was not checked. */
export class JsonDepthError extends JsonSyntaxError {
  override readonly name = 'JsonDepthError';
}

/** True for an object; false for an array, a scalar, and a number that is kept as text. */
export function isJsonObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}
