/**
 * Random schedules of faults as the text of a scenario: what fails can be read, shortened by hand and kept. The same
 * seed gives the same text. Rough ones: joins, kills, stops, returns, leaves, pauses, cuts of every shape and loss,
 * then quiet, in which the ring must become exact. Clean ones: without what nobody can tell from a death (long pauses,
 * cuts, loss), so that with lookups all the time not one may be delivered by another than the root.
 */

import { randomBelow, seededRandom, type Random } from '../../src/base/random.ts';
import { IdSpace, type NodeId } from '../../src/id/id-space.ts';

const NODES_MIN = 12;
const NODES_MAX = 40;
const UP_MIN = 6;
const FAULTS = 24;
const GAP_MAX_MS = 6_000;
/** Nobody is given up for so little. */
const SHORT_PAUSE_MAX_MS = 1_000;
const PAUSE_MAX_MS = 20_000;
const CUT_MAX_MS = 40_000;
const SEEDS = 4;
const SMALL_STEP = 3;

/** After the last fault leaf sets are exact this soon; after a cut, once remembered nodes have been probed again. */
const QUIET_MS = 60_000;
const QUIET_AFTER_CUT_MS = 150_000;

/** Twice what the roughest need: nothing may set off a storm. */
const LOAD = 'expect at most 10 messages per node and second';

export function roughSchedule(seed: number): string {
  return new Schedule(seed).rough();
}

export function cleanSchedule(seed: number): string {
  return new Schedule(seed).clean();
}

class Schedule {
  private readonly random: Random;
  private readonly space = new IdSpace(16);
  private readonly up: NodeId[] = [];
  private readonly down: NodeId[] = [];
  /** Ids of those that left for good: nobody comes back under them. */
  private readonly left = new Set<NodeId>();
  private readonly lines: string[] = [];
  private wasCut = false;
  private isCut = false;
  private readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
    this.random = seededRandom(seed ^ 0x2545f491);
  }

  clean(): string {
    this.open();
    if (this.chance(0.5)) this.say('duplication 5%');
    if (this.chance(0.5)) this.say('reordering 5%');
    if (this.chance(0.5)) this.say('half 4');
    if (this.chance(0.5)) this.say('refusals');
    this.say(`ring ${this.names(this.up)}`);
    for (let i = 0; i < FAULTS; i++) {
      const before = this.lines.length;
      this.cleanFault();
      // Lookups where it has just happened.
      const [id] = /[0-9a-f]{4}/.exec(this.lines[before] ?? '') ?? [];
      const near = id === undefined ? '' : ` near ${id}`;
      this.say(`lookups 60 over ${String(1 + this.below(GAP_MAX_MS))}ms${near}`);
    }
    this.say('expect no wrong delivery');
    this.say('expect all answered within 20s');
    this.say(LOAD);
    return this.lines.join('\n');
  }

  rough(): string {
    this.open();
    if (this.chance(0.3)) this.say('loss 1%');
    if (this.chance(0.3)) this.say('duplication 2%');
    if (this.chance(0.3)) this.say('reordering 5%');
    if (this.chance(0.5)) this.say('refusals');
    this.say(`ring ${this.names(this.up)}`);
    for (let i = 0; i < FAULTS; i++) {
      this.fault();
      this.say(`run ${String(this.below(GAP_MAX_MS))}ms`);
    }
    if (this.isCut) this.say('heal');
    this.say(`run ${String(PAUSE_MAX_MS)}ms`);
    this.say(`expect one ring within ${String(this.wasCut ? QUIET_AFTER_CUT_MS : QUIET_MS)}ms`);
    this.say('forget');
    this.say('expect every key at its root within 20s');
    this.say('expect no wrong delivery');
    this.say(LOAD);
    return this.lines.join('\n');
  }

  private open(): void {
    const size = NODES_MIN + this.below(NODES_MAX - NODES_MIN + 1);
    while (this.up.length < size) this.up.push(this.freshId());
    this.say(`# Random schedule ${String(this.seed)}`);
    this.say(`seeds ${String(this.seed)}..${String(this.seed)}`);
  }

  private cleanFault(): void {
    const roll = this.random();
    if (roll < 0.4) this.join();
    else if (roll < 0.65) this.end('kill', 1 + this.below(2));
    else if (roll < 0.75) this.end('stop', 1);
    else if (roll < 0.8) this.end('leave', 1);
    else if (roll < 0.95) this.comeBack();
    else this.say(`pause ${this.name(this.pick(this.up))} ${String(this.below(SHORT_PAUSE_MAX_MS))}ms`);
  }

  private fault(): void {
    const roll = this.random();
    if (roll < 0.25) this.join();
    else if (roll < 0.45) this.end('kill', 1 + this.below(3));
    else if (roll < 0.55) this.end('stop', 1);
    else if (roll < 0.6) this.end('leave', 1);
    else if (roll < 0.75) this.comeBack();
    else if (roll < 0.9) this.say(`pause ${this.name(this.pick(this.up))} ${String(this.below(PAUSE_MAX_MS))}ms`);
    else this.cutOrHeal();
  }

  private join(): void {
    const seeds = this.seeds();
    const ids = Array.from({ length: 1 + this.below(4) }, () => this.freshId());
    const distinct = [...new Set(ids)];
    this.say(`join ${this.names(distinct)} via ${seeds}`);
    this.up.push(...distinct);
  }

  private end(verb: 'kill' | 'stop' | 'leave', count: number): void {
    for (let i = 0; i < count && this.up.length > UP_MIN; i++) {
      const id = this.pick(this.up);
      this.up.splice(this.up.indexOf(id), 1);
      if (verb === 'leave') this.left.add(id);
      else this.down.push(id);
      this.say(`${verb} ${this.name(id)}`);
    }
  }

  private comeBack(): void {
    const id = this.down[this.below(this.down.length)];
    if (id === undefined) return;
    this.down.splice(this.down.indexOf(id), 1);
    this.say(`return ${this.name(id)} via ${this.seeds()}${this.chance(0.3) ? ' moved' : ''}`);
    this.up.push(id);
  }

  private cutOrHeal(): void {
    if (this.isCut) {
      this.say('heal');
      this.isCut = false;
      return;
    }
    const side = this.up.filter(() => this.chance(0.4));
    if (side.length === 0 || side.length === this.up.length) return;
    this.say(`cut ${this.names(side)} ${this.chance(0.7) ? '|' : '>'} others`);
    this.say(`run ${String(this.below(CUT_MAX_MS))}ms`);
    this.isCut = true;
    this.wasCut = true;
  }

  /** Anywhere, or right beside somebody: there neighbours meet. */
  private freshId(): NodeId {
    for (;;) {
      const beside = this.up.length > 0 && this.chance(0.3);
      const at = beside
        ? this.pick(this.up) + this.below(2 * SMALL_STEP + 1) - SMALL_STEP
        : this.below(this.space.size);
      const id = this.space.position((at + this.space.size) % this.space.size);
      if (!this.up.includes(id) && !this.down.includes(id) && !this.left.has(id)) return id;
    }
  }

  /** Several, as a discovery peer would name: those who know only each other would be a ring of their own for ever. */
  private seeds(): string {
    return this.names(Array.from({ length: SEEDS }, () => this.pick(this.up)));
  }

  private below(limit: number): number {
    return randomBelow(this.random, limit);
  }

  private chance(share: number): boolean {
    return this.random() < share;
  }

  private pick(ids: readonly NodeId[]): NodeId {
    return ids[this.below(ids.length)] as NodeId;
  }

  private name(id: NodeId): string {
    return this.space.format(id);
  }

  private names(ids: readonly NodeId[]): string {
    return ids.map((id) => this.name(id)).join(' ');
  }

  private say(line: string): void {
    this.lines.push(line);
  }
}
