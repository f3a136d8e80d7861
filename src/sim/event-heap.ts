/**
 * What will happen in virtual time, ordered by time and, at one time, by the order of planning: a run depends on
 * its seed and on nothing else. Parallel arrays instead of objects keep millions of entries cheap.
 */

export class EventHeap<T> {
  private times: number[] = [];
  private orders: number[] = [];
  private items: T[] = [];
  private planned = 0;

  get size(): number {
    return this.items.length;
  }

  /** Time of the earliest; Infinity when empty. */
  nextTime(): number {
    return this.times[0] ?? Infinity;
  }

  push(at: number, item: T): void {
    const { times, orders, items } = this;
    const order = this.planned++;
    let index = items.length;
    times.push(at);
    orders.push(order);
    items.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      // A later order never goes before an equal time, so times alone decide.
      if ((times[parent] as number) <= at) break;
      this.move(parent, index);
      index = parent;
    }
    times[index] = at;
    orders[index] = order;
    items[index] = item;
  }

  /** Takes the earliest out; undefined when empty. */
  pop(): T | undefined {
    const { times, orders, items } = this;
    const first = items[0];
    const at = times.pop();
    const order = orders.pop();
    const item = items.pop();
    if (at === undefined || order === undefined || item === undefined || items.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= items.length) break;
      const right = child + 1;
      if (right < items.length && this.precedes(right, times[child] as number, orders[child] as number)) child = right;
      if (!this.precedes(child, at, order)) break;
      this.move(child, index);
      index = child;
    }
    times[index] = at;
    orders[index] = order;
    items[index] = item;
    return first;
  }

  private precedes(index: number, at: number, order: number): boolean {
    const time = this.times[index] as number;
    return time < at || (time === at && (this.orders[index] as number) < order);
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from] as number;
    this.orders[to] = this.orders[from] as number;
    this.items[to] = this.items[from] as T;
  }
}
