/**
 * docs/routing-figures.md, from what `npm run simulate:full` has seen: one row per bound, and the commands that show it
 * again. Formatted by prettier, as every other document, so that a new one differs from the last in its figures only.
 */

import { format } from 'prettier';
import { CITATIONS } from './reference.ts';
import type { Target } from './targets.ts';

export type Verdict = {
  readonly what: string;
  readonly toReach: string;
  readonly seen: string;
  readonly reached: boolean;
};

const COMMAND = 'npm run simulate --';

function commands({ runs }: Target): string {
  const [first = []] = runs;
  const line = `${COMMAND} ${first.join(' ')}`;
  return runs.length === 1 ? line : `${line}   # and with seeds up to ${runs.length}`;
}

export async function renderDocument(
  results: readonly { readonly target: Target; readonly verdicts: readonly Verdict[] }[],
  machine: string,
): Promise<string> {
  const rows = results.flatMap(({ target, verdicts }) =>
    verdicts.map(({ what, toReach, seen, reached }, index) =>
      [index === 0 ? target.title : '', what, toReach, seen, reached ? 'reached' : '**missed**'].join(' | '),
    ),
  );
  const document = `# Routing figures

Written by \`npm run simulate:full\`; do not edit. Rings of the overlay node that real peers run, under virtual time:
grown by joins alone, a tenth of their size at a time, from random ids, each through a random node; then left alone for
10 virtual minutes (5 above 5,000 nodes, 2 above 20,000; another time where the command below has --settle) before
lookups of random keys from random live nodes are counted. Machines stand at random on a plane, and delays follow the distance. Time and memory are those of one process
on ${machine}.

| ring | what | to reach | seen | verdict |
| --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row} |`).join('\n')}

_Wrong_ is a delivery at a node that was not the closest live one at that moment, as an observer sees it who knows all.
_Lost_ is a lookup without an answer at its origin within 30 s, whatever the reason; those whose origin was killed
meanwhile are counted apart. _Control messages_ are all but lookups, their answers and the acknowledgements of both.
_Repair messages_ are the control messages of the five minutes after the failures, less those of five quiet minutes:
before the failures or after the repair, whichever had fewer.

## Commands

Each of these shows its figures again, from their seed:

\`\`\`sh
${results.map(({ target }) => commands(target)).join('\n')}
\`\`\`

## Sources

${CITATIONS.map((citation) => `- ${citation}`).join('\n')}
`;
  return format(document, { parser: 'markdown', printWidth: 120 });
}
