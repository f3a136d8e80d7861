/**
 * The ring of 2^bits positions on which node ids and keys lie, and the one order in which nodes are ranked
 * for a key. Routing, placement, client and tests all use `compareByCloseness`, so that no two of them can
 * disagree about a tie (Rowstron and Druschel, Pastry, 2001; ties go clockwise).
 *
 * Positions are plain numbers, at most 32 bits wide, so that arithmetic stays exact and cheap; hex is for people.
 */

import { assert } from '../base/assert.ts';

declare const positionBrand: unique symbol;
/** A place on the ring: 0 ≤ position < 2^bits. */
export type Position = number & { readonly [positionBrand]: true };
/** A peer's place. */
export type NodeId = Position;
/** A file's place. */
export type Key = Position;

/** Bits per digit of the prefix routing: b = 4 in the Pastry paper, so that a digit is one hex digit. */
const DIGIT_BITS = 4;
export const DIGIT_VALUES = 2 ** DIGIT_BITS;

export type IdBits = 16 | 32;
export const DEFAULT_ID_BITS: IdBits = 16;

export class IdSpace {
  readonly bits: IdBits;
  /** Number of positions. */
  readonly size: number;
  /** Number of hex digits of a position. */
  readonly digits: number;

  constructor(bits: IdBits) {
    assert(bits === 16 || bits === 32, `id width of ${String(bits)} bits`);
    this.bits = bits;
    this.size = 2 ** bits;
    this.digits = bits / DIGIT_BITS;
  }

  contains(value: number): value is Position {
    return Number.isInteger(value) && value >= 0 && value < this.size;
  }

  /** The position of a number that the caller knows to be on the ring. */
  position(value: number): Position {
    assert(this.contains(value), `${String(value)} is not a position of ${String(this.bits)} bits`);
    return value;
  }

  /** Steps from a to b going clockwise (upward): 0 ≤ result < size. */
  clockwise(a: Position, b: Position): number {
    const difference = b - a;
    return difference >= 0 ? difference : difference + this.size;
  }

  /** Steps between a and b the shorter way round. */
  distance(a: Position, b: Position): number {
    const clockwise = this.clockwise(a, b);
    return Math.min(clockwise, this.size - clockwise);
  }

  /**
   * Ranks two ids for a key: negative when `a` comes first. Nearest first; of two that are equally near, the one
   * that lies clockwise of the key. Total: zero only when a equals b.
   */
  compareByCloseness(key: Key, a: NodeId, b: NodeId): number {
    const difference = this.distance(a, key) - this.distance(b, key);
    return difference !== 0 ? difference : this.clockwise(key, a) - this.clockwise(key, b);
  }

  /** The digit at an index, 0 being the most significant. */
  digit(position: Position, index: number): number {
    return (position >>> ((this.digits - 1 - index) * DIGIT_BITS)) & (DIGIT_VALUES - 1);
  }

  /** How many leading digits two positions have in common: 0 to digits. */
  sharedDigits(a: Position, b: Position): number {
    const difference = (a ^ b) >>> 0;
    if (difference === 0) return this.digits;
    const leadingZeroBits = Math.clz32(difference) - (32 - this.bits);
    return Math.floor(leadingZeroBits / DIGIT_BITS);
  }

  /** Hex of full width, as people see it: `a1b2`. */
  format(position: Position): string {
    return position.toString(16).padStart(this.digits, '0');
  }

  /** The position that a hex text of full width names, or undefined. */
  parse(text: string): Position | undefined {
    if (text.length !== this.digits || !/^[0-9a-f]+$/i.test(text)) return undefined;
    return this.position(Number.parseInt(text, 16));
  }
}
