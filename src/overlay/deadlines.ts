/**
 * All that a node waits for, as a binary heap ordered by time, so that `next` is one look and thousands of hops
 * in flight cost little. A cancelled entry stays until it surfaces or the heap is swept: cancelling is one write.
 */

export type Deadline = { at: number; run: ((now: number) => void) | undefined };

/** Sweeping pays off only above this. */
const SWEEP_MIN = 64;

export class Deadlines {
  private heap: Deadline[] = [];
  private cancelled = 0;

  set(at: number, run: (now: number) => void): Deadline {
    const deadline: Deadline = { at, run };
    this.heap.push(deadline);
    this.siftUp(this.heap.length - 1);
    return deadline;
  }

  cancel(deadline: Deadline | undefined): void {
    if (deadline?.run === undefined) return;
    deadline.run = undefined;
    this.cancelled += 1;
    if (this.heap.length > SWEEP_MIN && this.cancelled * 2 > this.heap.length) this.sweep();
  }

  /** Time of the earliest; Infinity when there is none. */
  next(): number {
    for (;;) {
      const top = this.heap[0];
      if (top === undefined) return Infinity;
      if (top.run !== undefined) return top.at;
      this.cancelled -= 1;
      this.pop();
    }
  }

  /** Runs all that are due; what they set for later, or for now, is run too if due. */
  runDue(now: number): void {
    while (this.next() <= now) {
      const top = this.pop();
      const run = top?.run;
      if (top === undefined || run === undefined) continue;
      top.run = undefined;
      run(now);
    }
  }

  /** Moves all into the future by the same span: the order stays. */
  postpone(ms: number): void {
    for (const deadline of this.heap) deadline.at += ms;
  }

  clear(): void {
    for (const deadline of this.heap) deadline.run = undefined;
    this.heap = [];
    this.cancelled = 0;
  }

  private sweep(): void {
    this.heap = this.heap.filter((deadline) => deadline.run !== undefined);
    this.cancelled = 0;
    for (let index = (this.heap.length >> 1) - 1; index >= 0; index--) this.siftDown(index);
  }

  private pop(): Deadline | undefined {
    const top = this.heap[0];
    const last = this.heap.pop();
    if (top !== undefined && last !== undefined && this.heap.length > 0) {
      this.heap[0] = last;
      this.siftDown(0);
    }
    return top;
  }

  private siftUp(start: number): void {
    const { heap } = this;
    const moved = heap[start];
    if (moved === undefined) return;
    let index = start;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || parent.at <= moved.at) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = moved;
  }

  private siftDown(start: number): void {
    const { heap } = this;
    const moved = heap[start];
    if (moved === undefined) return;
    let index = start;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = heap[childIndex];
      if (child === undefined) break;
      const right = heap[childIndex + 1];
      if (right !== undefined && right.at < child.at) {
        child = right;
        childIndex += 1;
      }
      if (child.at >= moved.at) break;
      heap[index] = child;
      index = childIndex;
    }
    heap[index] = moved;
  }
}
