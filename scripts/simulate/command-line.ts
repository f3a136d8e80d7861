/** The command that repeats an experiment, word by word, so that no figure stands without the way to it. */

import { defaultMinutes, defaultSettleMinutes, type ExperimentOptions } from '../../src/sim/experiment-options.ts';

export function commandLine(options: ExperimentOptions): string {
  const { nodes, bits, leafSet, seed, lookups, ids, settleMinutes, minutes, loss, disturbance } = options;
  const words: (string | number)[] = ['npm run simulate -- --nodes', nodes];
  if (bits !== 16) words.push('--bits', bits);
  if (leafSet !== 16) words.push('--leaf-set', leafSet);
  words.push('--lookups', lookups);
  const { kind } = disturbance;
  if (kind !== 'none') words.push(`--${kind}`, ...happening(disturbance));
  if (loss > 0) words.push('--loss', loss);
  if (minutes !== defaultMinutes(nodes, lookups, disturbance)) words.push('--minutes', minutes);
  if (settleMinutes !== defaultSettleMinutes(nodes)) words.push('--settle', settleMinutes);
  if (ids !== 'random') words.push('--ids', ids);
  return [...words, '--seed', seed].join(' ');
}

function happening(disturbance: ExperimentOptions['disturbance']): (string | number)[] {
  switch (disturbance.kind) {
    case 'fail':
      return [disturbance.share];
    case 'churn':
      return [disturbance.sessionMedianSeconds];
    case 'partition':
      return disturbance.cut === 'halves' ? [disturbance.seconds] : [disturbance.seconds, '--cut', disturbance.cut];
    case 'join':
      return [disturbance.joiners];
    case 'restart':
    case 'none':
      return [];
  }
}
