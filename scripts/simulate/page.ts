/**
 * The report of one run as one file: no script, no font, no request to anywhere; light and dark as the reader has it.
 * It explains itself: what was run, with which command, what was seen beside what was to be expected, and where that
 * expectation comes from.
 */

import { controlTraffic, hopHistogram, hopsOverNodes, stretchOverNodes } from './charts.ts';
import { commandLine } from './command-line.ts';
import type { KeptRun } from './kept-runs.ts';
import { CITATIONS, SOURCES } from './reference.ts';
import { describe, figureRows, formatNumber } from './rows.ts';

const STYLE = `
:root { color-scheme: light dark; --paper: #fcfcfa; --ink: #1d2433; --muted: #667085; --line: #e3e6ea; --run: #0b62c4;
  --reference: #c2570c; --band: #c2570c22; --code: #f0f1ee; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171c; --ink: #e6e9ee; --muted: #98a2b3; --line: #2b313b;
  --run: #5aa9ff; --reference: #f5a05a; --band: #f5a05a26; --code: #1e232b; } }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 880px; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.65rem; line-height: 1.25; margin: 0 0 .4rem; } h2 { font-size: 1.15rem; margin: 2.6rem 0 .6rem; }
p.lead, figcaption, footer { color: var(--muted); } figcaption { font-size: .9rem; margin-top: .3rem; }
pre { background: var(--code); padding: .7rem .9rem; border-radius: 6px; overflow-x: auto; font-size: .88rem; }
table { border-collapse: collapse; width: 100%; font-size: .93rem; } .wide { overflow-x: auto; }
th { text-align: left; font-weight: 600; color: var(--muted); } th, td { padding: .32rem .8rem .32rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } .number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; } td.source { color: var(--muted); font-size: .86rem; }
figure { margin: 0; } figure svg { width: 100%; height: auto; display: block; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: .7rem 1.2rem; margin: 0; }
dt { color: var(--muted); font-size: .85rem; } dd { margin: 0; font-variant-numeric: tabular-nums; }
`;

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function section(title: string, body: string): string {
  return `<section>\n<h2>${escape(title)}</h2>\n${body}\n</section>`;
}

function figure(title: string, svg: string, caption: string): string {
  return section(title, `<figure>\n${svg}\n<figcaption>${escape(caption)}</figcaption>\n</figure>`);
}

function parameters({ options }: KeptRun): string {
  const { nodes, bits, leafSet, ids, seed, lookups, minutes, settleMinutes, loss } = options;
  const pairs: [string, string][] = [
    ['nodes', formatNumber(nodes, 0)],
    ['width of ids and keys', `${bits} bits, digits of 4`],
    ['leaf set', `${leafSet} nodes`],
    ['node ids', ids === 'random' ? 'random' : 'as the discovery peer gives them'],
    ['lookups', formatNumber(lookups, 0)],
    ['spread over', `${formatNumber(minutes, 1)} virtual min`],
    ['after settling for', `${formatNumber(settleMinutes, 1)} virtual min`],
    ['messages lost', `${formatNumber(loss * 100, 1)} %`],
    ['seed', String(seed)],
  ];
  return `<dl>${pairs.map(([term, value]) => `<div><dt>${escape(term)}</dt><dd>${escape(value)}</dd></div>`).join('')}</dl>`;
}

function table({ options, figures }: KeptRun): string {
  const rows = figureRows(options, figures).map(
    ({ what, seen, expected, source }) =>
      `<tr><td>${escape(what)}</td><td class="number">${escape(seen)}</td>` +
      `<td class="number">${escape(expected)}</td><td class="source">${escape(source)}</td></tr>`,
  );
  const head =
    '<tr><th>what</th><th class="number">seen</th><th class="number">to be expected</th><th>source</th></tr>';
  return `<div class="wide"><table><thead>${head}</thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>`;
}

const CAPTIONS = {
  hops:
    'A hop is a message from one node to the next; a lookup that begins at its root takes none. The curve is what ' +
    `full tables give at 16 bits and a leaf set of 16 (${SOURCES.ideal}); the diamond is ${SOURCES.pastry}, figure 5.`,
  histogram: 'Answered lookups of random keys from random live nodes, in percent, by their number of hops.',
  traffic:
    'Everything sent but lookups, their answers and the acknowledgements of both, per live node and second of virtual ' +
    `time, while the ring grows and after. The dashed line is the mean of ${SOURCES.mspastry}, for a real trace of churn.`,
  stretch:
    'Distances are those on the plane on which the simulated machines stand; delays follow them. Sum over all hops of ' +
    `all lookups, over the sum of the distances from origin to root. Bands: ${SOURCES.pastry}, figure 6.`,
};

export function renderPage(run: KeptRun, earlier: readonly KeptRun[]): string {
  const title = describe(run.options);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Routing: ${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Routing on a simulated ring</h1>
<p class="lead">${escape(title)}. Every node is the overlay code that real peers run, under virtual time; the ring was
grown by joins alone. The same command gives the same figures, but for time and memory.</p>
<pre>${escape(commandLine(run.options))}</pre>
</header>
${section('What was run', parameters(run))}
${section('What was seen', table(run))}
${figure('Hops and the size of the ring', hopsOverNodes(run, earlier), CAPTIONS.hops)}
${figure('How many hops lookups take', hopHistogram(run), CAPTIONS.histogram)}
${figure('What keeping the ring costs', controlTraffic(run), CAPTIONS.traffic)}
${figure('How far round lookups go', stretchOverNodes(run, earlier), CAPTIONS.stretch)}
${section('Sources', `<ul>${CITATIONS.map((text) => `<li>${escape(text)}</li>`).join('')}</ul>`)}
</body>
</html>
`;
}
