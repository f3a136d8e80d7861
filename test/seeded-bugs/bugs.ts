/**
 * Bugs that builders of such overlays have made, as small edits of this one, each with the test that must notice
 * it. `npm run prove` plants them one at a time in a copy of the project and demands that the test fails there: so
 * a test that cannot fail is found out. bugs.test.ts keeps the list in step with the source.
 */

import { DELIVERY_BUGS, LIVENESS_BUGS } from './membership-bugs.ts';
import { COPY_KEEPING_BUGS, COPY_KNOWLEDGE_BUGS, COPY_PLACEMENT_BUGS, SUCCESSION_BUGS } from './replica-bugs.ts';
import { PLACEMENT_BUGS, ROUTING_BUGS } from './routing-bugs.ts';
import type { SeededBug } from './seeded-bug.ts';

export const SEEDED_BUGS: readonly SeededBug[] = [
  ...PLACEMENT_BUGS,
  ...ROUTING_BUGS,
  ...DELIVERY_BUGS,
  ...LIVENESS_BUGS,
  ...COPY_PLACEMENT_BUGS,
  ...SUCCESSION_BUGS,
  ...COPY_KEEPING_BUGS,
  ...COPY_KNOWLEDGE_BUGS,
];
