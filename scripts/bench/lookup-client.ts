/** The client of the lookup measurement: connects once, and for each number that it is sent does so many lookups. */

import { loadLibrary } from '../lib/library.ts';
import { lookUpMany } from '../lib/lookups.ts';
import { median } from './setting.ts';

export type LookupAnswer = { readonly elapsedMs: number; readonly medianMs: number; readonly meanHops: number };

const [, , discovery = '', inFlight = ''] = process.argv;
const { connect } = await loadLibrary();
const store = await connect({ discovery: [discovery] });
let runs = 0;

process.on('message', (count: number) => {
  void lookUpMany(store, `name ${runs++} `, count, Number(inFlight)).then(({ results, times, elapsedMs }) => {
    const meanHops = results.reduce((sum, { hops }) => sum + hops, 0) / results.length;
    process.send?.({ elapsedMs, medianMs: median(times), meanHops } satisfies LookupAnswer);
  });
});
process.on('disconnect', () => process.exit());
