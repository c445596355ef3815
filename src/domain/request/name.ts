// Names of accounts, applications, environments, plans and tokens, and emails of accounts.
import { invalidRequest } from '../../errors/refusals.js';

/**
 * Returns the name if it has 1 to 64 letters, digits, `-`, `_` or `.` and begins with a letter or digit. Throws
 * INVALID_REQUEST otherwise.
 */
export function checkName(name: string): string {
  if (!isName(name)) {
    throw invalidRequest('name: expected 1 to 64 letters, digits, "-", "_" or ".", beginning with a letter or digit');
  }
  return name;
}

export function isName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

/**
 * Returns the email in lower case if it is plain ASCII with one `@` inside, which no name has. Throws INVALID_REQUEST
 * otherwise.
 */
export function checkEmail(email: string): string {
  if (!/^[!-?A-~]+@[!-?A-~]+$/.test(email) || email.length > 254) {
    throw invalidRequest('email: expected an address such as ada@example.com, in ASCII, of 254 characters at most');
  }
  return email.toLowerCase();
}
