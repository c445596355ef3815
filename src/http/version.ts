/** The version in package.json, which cannot be imported because it is outside `src`. A test compares the two. */
export const VERSION = '0.1.0';
