/**
 * The main job, shown: a discovery peer and six peers as processes of their own, real files stored and fetched over
 * the encrypted network, a peer killed and started again. Every file is compared byte for byte with its source; the
 * status is 0 only if all of them came back. Nothing is left behind.
 */

import { bringBack, fetchAll, showWhereFilesLie, startStage, storeAll } from './demo/acts.ts';
import { killOnePeer } from './demo/kill.ts';
import { seconds } from './demo/stage.ts';
import { runInScratch } from './lib/scratch.ts';
import { formatSize, heading, paint, printTable, say } from './lib/table.ts';

const PEERS = 6;

await runInScratch('demo', async (scratch) => {
  const startedAt = performance.now();
  say(paint('bold', 'A peer-to-peer file store, all of it on this machine'));
  const stage = await startStage(scratch, PEERS);
  await storeAll(stage);
  await showWhereFilesLie(stage);
  await fetchAll(stage);
  const victim = await killOnePeer(stage);
  await bringBack(stage, victim);

  heading('Figures');
  const { files, bytes } = stage.compared;
  printTable(
    [{ title: 'what' }, { title: 'figure', align: 'right' }],
    [
      ...stage.figures,
      ['compared with their sources, by sha256 and cmp', `${files} files, ${formatSize(bytes)}`],
      ['the whole demo', seconds(performance.now() - startedAt)],
    ],
  );
  say();
  for (const failure of stage.failures) say(paint('red', `FAILED: ${failure}`));
  if (stage.failures.length > 0) return 1;
  say(paint('green', 'Every byte came back.'));
  return 0;
});
