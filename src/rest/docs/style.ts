// The style sheet of the page at /docs, with light and dark colours, for screens, phones and print.

export const STYLE = `
:root {
  color-scheme: light dark;
  --text: #1d2129; --soft: #5a6270; --line: #e1e4ea; --page: #ffffff; --raised: #f6f7f9; --accent: #5b3df0;
  --key: #5b3df0; --string: #0b6e4f; --word: #a14a00;
  --get: #0b6bcb; --post: #0b7a4b; --patch: #9a5b00; --delete: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e4e7ec; --soft: #9aa3b2; --line: #2b303a; --page: #14171c; --raised: #1c2027; --accent: #a895ff;
    --key: #a895ff; --string: #7fd1ae; --word: #f0b072;
    --get: #6db3f8; --post: #5fd3a0; --patch: #f0b860; --delete: #ff8a80;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  display: grid; grid-template-columns: 17rem minmax(0, 1fr);
}
a { color: var(--accent); text-decoration: none; overflow-wrap: anywhere; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; background: var(--page); padding: .5rem 1rem; z-index: 1; }

nav {
  position: sticky; top: 0; align-self: start; height: 100vh; overflow-y: auto; padding: 1.5rem 1.25rem;
  background: var(--raised); border-right: 1px solid var(--line); font-size: .875rem;
}
nav p { margin: 0 0 1.25rem; line-height: 1.3; font-weight: 600; }
nav p a { display: flex; gap: .625rem; align-items: center; color: var(--text); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav > ul > li { margin-bottom: .75rem; }
nav > ul > li > a { color: var(--text); font-weight: 600; }
nav li li a { display: block; padding: .2rem 0; color: var(--soft); overflow-wrap: anywhere; }
nav li li a:hover { color: var(--text); }

main { padding: 2.5rem clamp(1rem, 4vw, 4rem) 6rem; max-width: 66rem; }
h1, h2, h3, h4 { line-height: 1.25; margin: 0; text-wrap: balance; }
h1 { font-size: 2.1rem; letter-spacing: -.02em; margin-bottom: 1rem; }
h2 { font-size: 1.5rem; letter-spacing: -.01em; margin: 3.5rem 0 1rem; }
h3 { font-size: 1.15rem; overflow-wrap: anywhere; }
h3 a { color: inherit; }
h4 { font-size: .78rem; text-transform: uppercase; letter-spacing: .06em; color: var(--soft); margin: 1.5rem 0 .5rem; }
small { font-size: .8em; font-weight: 400; color: var(--soft); }
p { margin: .6rem 0; max-width: 46rem; }
article { border: 1px solid var(--line); border-radius: 10px; padding: 1.5rem; margin: 1.25rem 0; scroll-margin-top: 1rem; }
article:has(:target) { border-color: var(--accent); }
tr:target { background: var(--raised); box-shadow: inset 3px 0 var(--accent); }

code, pre { font-family: ui-monospace, SFMono-Regular, "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: .875em; overflow-wrap: anywhere; }
p code, li code, td code { background: var(--raised); border-radius: 4px; padding: .1em .3em; }
a code { color: inherit; }
pre {
  margin: .75rem 0; padding: 1rem; overflow-x: auto; background: var(--raised); border: 1px solid var(--line);
  border-radius: 8px; font-size: .85rem; line-height: 1.55;
}
pre code { font-size: inherit; overflow-wrap: normal; }
pre.shell code { user-select: all; }
.key { color: var(--key); } .text { color: var(--string); } .word { color: var(--word); }

.path { font-size: 1rem; display: flex; gap: .625rem; align-items: baseline; flex-wrap: wrap; }
.path code { background: none; padding: 0; font-size: .95rem; font-weight: 600; }
.method {
  display: inline-block; font: 700 .68rem/1 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; letter-spacing: .03em;
  padding: .3em .45em; border-radius: 4px; border: 1px solid currentColor; text-align: center;
}
nav .method { min-width: 4.2em; margin-right: .3rem; padding: .25em 0; border: 0; text-align: left; }
.get { color: var(--get); } .post { color: var(--post); } .patch { color: var(--patch); } .delete { color: var(--delete); }

.table { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.5; }
th, td { text-align: left; vertical-align: top; padding: .5rem .9rem .5rem .25rem; border-bottom: 1px solid var(--line); }
td a { overflow-wrap: normal; }
td:last-child { min-width: 11rem; }
thead th { font-size: .78rem; font-weight: 600; color: var(--soft); }
tbody th { font-weight: 600; white-space: nowrap; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
.codes { list-style: none; margin: 0; padding: 0; font-size: .9rem; }
.codes li { padding: .15rem 0; }
.codes a { margin-left: .4rem; }

@media (max-width: 56rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  nav li:last-child > ul { display: none; }
  main { padding-top: 1.5rem; }
  article { padding: 1rem; }
}
@media print { nav, .skip { display: none; } body { display: block; } article { break-inside: avoid; } }
`;
